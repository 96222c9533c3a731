/** A YAML value after parsing: what the built-in reader works on. Integers beyond 2^53 are bigint. */
export type Value = string | number | bigint | boolean | null | Value[] | Model;
export interface Model {
  [key: string]: Value;
}

/** A refusal in compose's own words; it becomes a Problem with a place (see complaint.ts). */
export class Complaint extends Error {
  override readonly name = 'Complaint';
}

export function isModel(value: unknown): value is Model {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object without inherited keys, so that a service may be called `constructor` or `__proto__`. */
export function emptyModel(): Model {
  return Object.create(null) as Model;
}

/** Segments against a dotted pattern in which `*` stands for any one segment. */
export function matches(path: readonly string[], pattern: string): boolean {
  const parts = pattern.split('.');
  return parts.length === path.length && parts.every((part, index) => part === '*' || part === path[index]);
}

/** Go's fmt.Sprint of a scalar. */
export function sprint(value: Value): string {
  if (value === null) return '<nil>';
  if (typeof value !== 'number') return typeof value === 'object' ? JSON.stringify(value) : String(value);
  const small = value !== 0 && Math.abs(value) < 1e-4;
  const text = small ? value.toExponential() : String(value);
  return text.replace(/e([-+])(\d)$/, 'e$10$2');
}

/** `KEY=value` or `KEY`, as a map; a value that is already a map stays. */
export function keyValues(value: Value): Map<string, Value> {
  if (isModel(value)) return new Map(Object.entries(value));
  const items = Array.isArray(value) ? value : [];
  return new Map(
    items.map((item): [string, Value] => {
      const text = sprint(item);
      const cut = text.indexOf('=');
      return cut < 0 ? [text, null] : [text.slice(0, cut), text.slice(cut + 1)];
    }),
  );
}
