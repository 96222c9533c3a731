import { composeSchema, type Schema } from '../../desired-state/compose/schema.ts';

/** Every place of the compose schema that has a name, `*` for any name or index: `services.*.build.args`. */
export function schemaPaths(): string[] {
  return [...new Set(below(composeSchema(), '', []))].filter((path) => path !== '').sort();
}

function below(schema: Schema, path: string, above: Schema[]): string[] {
  const target = schema.$ref === undefined ? schema : definition(schema.$ref);
  if (above.includes(target)) return [];
  const inner = (next: Schema, key: string | null) =>
    below(next, key === null ? path : path === '' ? key : `${path}.${key}`, [...above, target]);
  const isMap = typeof target.additionalProperties === 'object' ? [target.additionalProperties] : [];
  return [
    path,
    ...Object.entries(target.properties ?? {}).flatMap(([key, next]) => inner(next, key)),
    ...Object.entries(target.patternProperties ?? {})
      .filter(([pattern]) => pattern !== '^x-')
      .flatMap(([, next]) => deep(inner(next, '*'), path)),
    ...isMap.flatMap((next) => deep(inner(next, '*'), path)),
    ...(target.items === undefined ? [] : deep(inner(target.items, '*'), path)),
    ...[...(target.oneOf ?? []), ...(target.anyOf ?? [])].flatMap((next) => inner(next, null)),
  ];
}

/** A list or map of plain texts is one value: it has no keys of its own to judge. */
function deep(paths: string[], path: string): string[] {
  const found = paths.filter((each) => each !== `${path}.*`.replace(/^\./, ''));
  return found.length === 0 ? [] : paths;
}

function definition(reference: string): Schema {
  return composeSchema().definitions?.[reference.replace(/^.*[/#]/, '')] ?? {};
}
