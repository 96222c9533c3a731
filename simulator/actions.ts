/** The smallest thing that a step does: a crash falls between two of them, never inside one. */
export type Action = () => void;
