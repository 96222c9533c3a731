import { createInterface } from 'node:readline/promises';
import { safe } from './render/text.ts';

/** Whether there is a person who can be asked. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** True when the person types exactly these words. Ctrl-C, Ctrl-D and anything else mean no. */
export async function typed(words: string, question: string): Promise<boolean> {
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const closed = new Promise<null>((resolve) => prompt.once('close', () => resolve(null)));
    return (await Promise.race([prompt.question(safe(question)), closed])) === words;
  } catch {
    // Ctrl-C rejects the question.
    return false;
  } finally {
    prompt.close();
  }
}
