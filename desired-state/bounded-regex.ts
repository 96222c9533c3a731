import { createContext, Script } from 'node:vm';

/**
 * Patterns out of a repository may be such that matching them takes for ever (`(a+)+$`, a name of forty stars), and all
 * else of this process would wait for them.
 */
const longestMs = 100;
const sandbox = createContext({ regex: / /, text: '' });
const script = new Script('regex.test(text)');
/** What took too long once is not tried again. */
const endless = new Set<string>();

/** Like `regex.test(text)`; `otherwise` where that takes longer than anything a person means. */
export function boundedTest(regex: RegExp, text: string, otherwise: boolean): boolean {
  if (isQuick(regex, text)) return regex.test(text);
  if (endless.has(regex.source)) return otherwise;
  Object.assign(sandbox, { regex, text });
  try {
    return script.runInContext(sandbox, { timeout: longestMs }) === true;
  } catch {
    endless.add(regex.source);
    return otherwise;
  }
}

/** Groups that our own patterns have: each a repetition of something that ends with a slash. */
const ownGroup = /\(\?:\[\^\/\]\*\\\/\)\*|\(\?:\.\*\\\/\)\?|\(\\\/\.\*\)\?/g;

/** Where no repetition is within another, it takes as many steps as there are places for each. A sandbox takes longer. */
function isQuick({ source }: RegExp, { length }: string): boolean {
  const flat = source.replace(ownGroup, '*');
  const repetitions = (flat.match(/[*+?{]/g) ?? []).length;
  return !/[(|]/.test(flat) && length ** repetitions < 1e7;
}
