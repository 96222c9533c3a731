import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { composeSchema, type Schema } from './schema.ts';

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
