import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { UserError } from '../errors.ts';

/** What to run, as Git does: the variables may hold arguments, so a shell takes them apart. */
function editorOf(env: NodeJS.ProcessEnv): string {
  return env.VISUAL || env.EDITOR || 'vi';
}

/** Opens the file in the person's editor and gives what is in it afterwards. Throws UserError where the editor fails. */
export async function edited(file: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const editor = editorOf(env);
  const how = await ended(editor, file);
  if (how !== null) throw new UserError(`the editor (${editor}) ${how}; nothing was changed`);
  return readFile(file, 'utf8').catch(() => {
    throw new UserError(`the editor (${editor}) left no file; nothing was changed`);
  });
}

/**
 * Null: it ended well. A signal to us ends the editor first, so that the plain text is wiped on the ordinary way out.
 * Ctrl-C at a terminal reaches the editor by itself, which may mean something else by it.
 */
async function ended(editor: string, file: string): Promise<string | null> {
  // Without `exec` a signal would end the shell, and the editor would go on.
  const child = spawn('sh', ['-c', `exec ${editor} "$@"`, editor, file], { stdio: 'inherit' });
  const stop = () => {
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), 2_000).unref();
  };
  const interrupt = () => (process.stdin.isTTY ? undefined : stop());
  const handlers = [
    ['SIGINT', interrupt],
    ['SIGTERM', stop],
    ['SIGHUP', stop],
  ] as const;
  for (const [name, handler] of handlers) process.on(name, handler);
  try {
    return await new Promise((resolve) => {
      child.once('error', ({ message }) => resolve(`could not be started: ${message}`));
      child.once('exit', (code, signal) =>
        resolve(code === 0 ? null : `ended with ${signal ?? `exit code ${code}`}`),
      );
    });
  } finally {
    for (const [name, handler] of handlers) process.off(name, handler);
  }
}
