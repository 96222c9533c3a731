/**
 * A text without values: what a tool says of its own may hold what was put in for a variable. A longer word that a value
 * is only a part of stays where `isName` knows it: `photo-postgres-1` is a container, though some value is `postgres`.
 */
export function blotValues(
  text: string,
  values: readonly string[],
  isName: (word: string) => boolean = () => false,
): string {
  const all = [...new Set(values)].filter((value) => value !== '');
  const long = [...new Set(all.flatMap(forms))].sort((a, b) => b.length - a.length);
  const shown = long.reduce((rest, value) => blotLong(rest, value, isName), text);
  return all.filter(isShort).reduce((rest, value) => blotFields(rest, value, isName), shown);
}

/** Shorter ones would take letters out of ordinary words. */
const shortest = 4;

function isShort(value: string): boolean {
  return value.length < shortest;
}

/** As it is, as JSON and Go quote it, as compose prints it, and each line of it. */
function forms(value: string): string[] {
  const all = [
    value,
    JSON.stringify(value).slice(1, -1),
    value.replaceAll('$', '$$$$'),
    ...value.split('\n').map((line) => line.trim()),
  ];
  return all.filter((form) => !isShort(form));
}

function blotLong(text: string, value: string, isName: (word: string) => boolean): string {
  return text.replaceAll(value, (found, at: number, whole: string) => {
    const left = /[\w-]*$/.exec(whole.slice(0, at))?.[0] ?? '';
    const right = /^[\w-]*/.exec(whole.slice(at + found.length))?.[0] ?? '';
    const word = left + found + right;
    return word !== found && isName(word) ? found : '***';
  });
}

/** Between blanks, quotes and the like; what a value may be put into by itself. */
const field = /[^\s"'`=:,;()[\]{}]+/g;

/**
 * One to three letters are in too many words to be taken out of them: so the whole field goes that is such a value, or
 * that holds one of three and is no plain word. What has signs in it is in no word.
 */
function blotFields(text: string, value: string, isName: (word: string) => boolean): string {
  if (value.length > 1 && /[^\w.-]/.test(value)) return text.replaceAll(value, '***');
  return text.replace(field, (word) => {
    if (word === value) return '***';
    const isPart = value.length === shortest - 1 && word.includes(value) && !/^[a-z]+[.]?$/i.test(word);
    return isPart && !isName(word) ? '***' : word;
  });
}
