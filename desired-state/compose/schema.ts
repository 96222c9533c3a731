import { readFileSync } from 'node:fs';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';

/** The published compose schema: source and licence are in decision 0003. */
interface Schema {
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

function composeSchema(): Schema {
  loaded ??= JSON.parse(
    readFileSync(new URL('./compose-spec.schema.json', import.meta.url), 'utf8'),
  ) as Schema;
  return loaded;
}

let compiled: ValidateFunction | undefined;

function validator(): ValidateFunction {
  if (compiled) return compiled;
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, logger: false });
  const { $schema, ...schema } = composeSchema() as Schema & { $schema?: string };
  compiled = ajv.compile(schema);
  return compiled;
}

/** In compose's words, the deepest complaint first; null where the model fits the schema. */
export function schemaComplaint(model: unknown): string | null {
  const validate = validator();
  if (validate(model)) return null;
  const errors = (validate.errors ?? []).filter(({ keyword }) => keyword !== 'oneOf' && keyword !== 'anyOf');
  const depth = (error: ErrorObject) => error.instancePath.split('/').length;
  const [first] = errors.sort((a, b) => depth(b) - depth(a));
  return first === undefined ? '(root) is not a compose file' : complaint(first);
}

function complaint(error: ErrorObject): string {
  const path = error.instancePath
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .join('.');
  const where = path === '' ? '(root)' : path;
  switch (error.keyword) {
    case 'additionalProperties':
      return `${where} Additional property ${error.params.additionalProperty} is not allowed`;
    case 'type':
      return `${where} must be a ${[error.params.type].flat().join(' or ').replaceAll(',', ' or ')}`;
    case 'enum':
      return `${where} must be one of ${(error.params.allowedValues as unknown[]).join(', ')}`;
    default:
      return `${where} ${error.message ?? 'does not fit'}`;
  }
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
