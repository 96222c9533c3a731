import { jsonSchema, schemaNames } from '../../desired-state/schema/json-schema.ts';
import { UserError } from '../errors.ts';

/** For editors: `steward schema lab > lab.schema.json`. */
export async function schema(file: string): Promise<number> {
  const name = schemaNames.find((each) => each === file.replace(/\.(ya?ml|json)$/, ''));
  if (name === undefined) throw new UserError(`${file}: there are schemas of ${schemaNames.join(' and ')}`);
  process.stdout.write(jsonSchema(name));
  return 0;
}
