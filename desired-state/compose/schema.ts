import { readFileSync } from 'node:fs';

/** The published compose schema: source and licence are in decision 0003. */
export interface Schema {
  $ref?: string;
  properties?: Record<string, Schema>;
  patternProperties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  items?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
  definitions?: Record<string, Schema>;
}

let loaded: Schema | undefined;

export function composeSchema(): Schema {
  loaded ??= JSON.parse(
    readFileSync(new URL('./compose-spec.schema.json', import.meta.url), 'utf8'),
  ) as Schema;
  return loaded;
}

/** Keys that the schema knows at a path such as ['services', 'web']; empty where any key may stand. */
export function knownKeys(path: readonly string[]): string[] {
  let here: Schema[] = [composeSchema()];
  for (const segment of path) here = here.flatMap(alternatives).flatMap((schema) => child(schema, segment));
  return here.flatMap(alternatives).flatMap((schema) => Object.keys(schema.properties ?? {}));
}

function alternatives(schema: Schema): Schema[] {
  const target = schema.$ref === undefined ? schema : definition(schema.$ref);
  return [target, ...[...(target.oneOf ?? []), ...(target.anyOf ?? [])].flatMap(alternatives)];
}

function definition(reference: string): Schema {
  const name = reference.replace(/^.*[/#]/, '');
  return composeSchema().definitions?.[name] ?? {};
}

function child(schema: Schema, segment: string): Schema[] {
  const named = schema.properties?.[segment];
  if (named) return [named];
  const patterns = Object.entries(schema.patternProperties ?? {}).filter(([key]) =>
    new RegExp(key).test(segment),
  );
  const items = schema.items && /^\d+$/.test(segment) ? [schema.items] : [];
  return [...patterns.map(([, value]) => value), ...items];
}
