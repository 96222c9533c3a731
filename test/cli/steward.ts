import { fileURLToPath } from 'node:url';
import { execa, type Options } from 'execa';
import { expect } from 'vitest';

/** The command as users start it: a process of its own, with Node 24 and pipes instead of a terminal. */
export interface Ended {
  code: number | undefined;
  stdout: string;
  stderr: string;
}

export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));
export const binary = fileURLToPath(new URL('../../bin/steward.mjs', import.meta.url));

export function start(args: string[], options: Options = {}) {
  const { NO_COLOR: _no, FORCE_COLOR: _force, ...plain } = process.env;
  const env = { ...plain, ...options.env };
  return execa(process.execPath, [binary, ...args], {
    ...{ reject: false, timeout: 60_000, stripFinalNewline: false },
    ...options,
    ...{ extendEnv: false, env },
  });
}

export async function ended(child: ReturnType<typeof start>): Promise<Ended> {
  const { exitCode, stdout, stderr } = await child;
  return { code: exitCode, stdout: String(stdout), stderr: String(stderr) };
}

export function steward(args: string[], options: Options = {}): Promise<Ended> {
  return ended(start(args, options));
}

/** What every mistake of a user has in common: exit 1, a sentence on standard error, no trace, nothing on stdout. */
export function expectRefusal({ code, stdout, stderr }: Ended, words: string | RegExp): void {
  expect(stderr).toMatch(words);
  expect(stderr).not.toMatch(/^ {4}at /m);
  expect(stderr).not.toContain('bug in Steward');
  expect(stdout).toBe('');
  expect(code).toBe(1);
}
