/**
 * A text without values: what a tool says of its own may hold what was put in for a variable. A longer word that begins
 * with one of `keep` stays: `photo-postgres-1` is the name of a container, though some value may be `postgres`.
 */
export function blotValues(text: string, values: readonly string[], keep: readonly string[] = []): string {
  const sorted = [...new Set(values.flatMap(forms))].sort((a, b) => b.length - a.length);
  return sorted.reduce(
    (shown, value) =>
      shown.replaceAll(value, (found, at: number, whole: string) => {
        const left = /[\w-]*$/.exec(whole.slice(0, at))?.[0] ?? '';
        const right = /^[\w-]*/.exec(whole.slice(at + found.length))?.[0] ?? '';
        const word = left + found + right;
        return word !== found && keep.some((name) => word.startsWith(`${name}-`)) ? found : '***';
      }),
    text,
  );
}

/** Very short ones would take letters out of ordinary words. */
const shortest = 4;

/** As it is, as JSON and Go quote it, and each line of it. */
function forms(value: string): string[] {
  const all = [value, JSON.stringify(value).slice(1, -1), ...value.split('\n').map((line) => line.trim())];
  return all.filter((form) => form.length >= shortest);
}
