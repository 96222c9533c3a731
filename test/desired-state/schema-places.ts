/** A place of a JSON Schema where text may stand: `[]` is any entry of a list, `{}` any of a map. */
export interface Place {
  path: string[];
  /** The name of an entry, not what it holds. */
  isKey: boolean;
}

type Schema = { [key: string]: unknown };

export function stringPlaces(schema: Schema): Place[] {
  const found = new Map(below(schema, []).map((place) => [JSON.stringify(place), place]));
  return [...found.values()];
}

function below(schema: Schema, path: string[]): Place[] {
  const inner = (next: unknown, ...more: string[]) => below((next ?? {}) as Schema, [...path, ...more]);
  const isText =
    [schema.type].flat().includes('string') || (schema.enum !== undefined && schema.type === undefined);
  return [
    ...(isText && path.length > 0 ? [{ path, isKey: false }] : []),
    ...(schema.propertyNames === undefined ? [] : [{ path: [...path, '{}'], isKey: true }]),
    ...Object.entries((schema.properties ?? {}) as Schema).flatMap(([key, next]) => inner(next, key)),
    ...(typeof schema.additionalProperties === 'object' ? inner(schema.additionalProperties, '{}') : []),
    ...(schema.items === undefined ? [] : inner(schema.items, '[]')),
    ...['anyOf', 'oneOf', 'allOf'].flatMap((key) =>
      ((schema[key] ?? []) as Schema[]).flatMap((next) => inner(next)),
    ),
  ];
}

/** The document with the text in the first such place of it; null where it has none. */
export function withText(document: unknown, place: Place, text: string): unknown {
  return put(structuredClone(document), place.path, place.isKey, text);
}

function put(value: unknown, [step, ...rest]: string[], isKey: boolean, text: string): unknown {
  if (step === undefined) return value === undefined ? null : text;
  if (typeof value !== 'object' || value === null) return null;
  const keys = step === '[]' || step === '{}' ? Object.keys(value) : [step];
  const holder = value as Record<string, unknown>;
  for (const key of keys) {
    if (!Object.hasOwn(holder, key)) continue;
    if (isKey && rest.length === 0) {
      const { [key]: item, ...others } = holder;
      return { ...others, [text]: item };
    }
    const item = put(holder[key], rest, isKey, text);
    if (item === null) continue;
    holder[key] = item;
    return holder;
  }
  return null;
}
