import { z } from 'zod';
import { labSchema } from './lab.ts';
import { serviceSchema } from './service.ts';

export const schemaNames = ['lab', 'service'] as const;
export type SchemaName = (typeof schemaNames)[number];

const schemas = { lab: labSchema, service: serviceSchema } satisfies Record<SchemaName, z.ZodType>;

/** JSON Schema of lab.yaml or service.yaml for editors, as text that ends in a newline. */
export function jsonSchema(name: SchemaName): string {
  const schema = z.toJSONSchema(schemas[name], { io: 'input', target: 'draft-7' });
  return `${JSON.stringify(schema, null, 2)}\n`;
}
