import { nearest as nearestOf } from '../desired-state/schema/explain.ts';

/** The user's mistake, or the world's: printed as it is, without a stack trace, and exit 1. */
export class UserError extends Error {
  override readonly name = 'UserError';
}

/** `; did you mean photo?`, or nothing where no name is near, nor begins like that. */
export function nearest(name: string, known: string[]): string {
  const near = nearestOf(name, known) ?? known.find((each) => each.startsWith(name));
  return near === undefined ? '' : `; did you mean ${near}?`;
}

/** Errors whose message is a whole sentence for people. Everything else is a bug and shows its stack. */
const told = new Set([
  ...['UserError', 'StateError', 'ToolError', 'StepError'],
  ...['RepositoryError', 'SecretError', 'BorgError', 'ListenError'],
]);

/** What to print for anything that was thrown. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (told.has(error.name)) return `steward: ${error.message}\n`;
  const code = (error as { code?: string }).code;
  if (code !== undefined && /^E[A-Z]+$/.test(code)) return `steward: ${error.message}\n`;
  return `steward: this is a bug in Steward, please report it\n${error.stack ?? error.message}\n`;
}
