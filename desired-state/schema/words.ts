import { z } from 'zod';

/**
 * Building blocks whose messages are sentences: every block says what it expects and shows an example, and
 * `explain` adds what was found. The two travel in one zod message, because zod has room for nothing else.
 */
export function words(expected: string, fix: string): string {
  return `expected ${expected}${separator}${fix}`;
}

const separator = ' ⟶ ';

/** Takes `words` apart again. */
export function fromWords(message: string): { expected: string; fix?: string } {
  const [expected = '', fix] = message.split(separator);
  return fix === undefined ? { expected } : { expected, fix };
}

interface TextOptions {
  expected: string;
  example: string;
  /** What the whole text must match; goes into the JSON Schema. */
  pattern?: RegExp;
  /** For what a pattern cannot say. */
  test?: (text: string) => boolean;
  /** In characters; default 1,000, longer than anything a person writes into one line. */
  longest?: number;
  description?: string;
}

/** A text of one form. */
export function text(options: TextOptions) {
  const error = words(options.expected, `write e.g. ${options.example}`);
  const longest = options.longest ?? 1_000;
  const fits = (value: string) =>
    value.length <= longest && (options.pattern?.test(value) ?? true) && (options.test?.(value) ?? true);
  return z
    .string({ error })
    .refine(fits, { error })
    .meta({
      maxLength: longest,
      ...(options.pattern ? { pattern: options.pattern.source } : {}),
      ...(options.description ? { description: options.description } : {}),
      examples: [unquoted(options.example)],
    });
}

function unquoted(example: string): string {
  return example.replace(/^"(.*)"$/, '$1');
}

/** One of a few words. */
export function choice<const T extends readonly [string, ...string[]]>(values: T, description: string) {
  const list = values.join(', ');
  return z.enum(values, { error: words(`one of ${list}`, `write one of ${list}`) }).describe(description);
}

/** A whole number in a range. */
export function whole(min: number, max: number, description: string) {
  const error = words(`a whole number from ${min} to ${max}`, `write a number from ${min} to ${max}`);
  return z.int({ error }).min(min, { error }).max(max, { error }).describe(description);
}

export function flag(description: string) {
  return z.boolean({ error: words('true or false', 'write true or false') }).describe(description);
}

/** A mapping with exactly these keys. */
export function mapping<S extends z.core.$ZodLooseShape>(shape: S, description: string, example?: string) {
  const keys = Object.keys(shape).join(', ');
  return z
    .strictObject(shape, {
      error: words(
        `a mapping with keys out of ${keys}`,
        example === undefined ? 'write `key: value` lines below it' : `write ${example}`,
      ),
    })
    .describe(description);
}

/** A list. */
export function list<T extends z.core.SomeType>(item: T, description: string) {
  return z
    .array(item, { error: words('a list', 'write one `- ` line for each entry') })
    .describe(description);
}

/** A mapping whose keys the user chooses. */
export function table<V extends z.core.SomeType>(key: z.ZodString, value: V, description: string) {
  return z
    .record(key, value, { error: words('a mapping', 'write `name: value` lines below it') })
    .describe(description);
}
