/** The process "dies" at this very instant: what kill -9 does, as something that a test can catch. */
export class SimulatedCrash extends Error {
  override readonly name = 'SimulatedCrash';
}

/** The file that keeps the simulated host cannot be read. */
export class SimulatorFileError extends Error {
  override readonly name = 'SimulatorFileError';
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
  }
}
