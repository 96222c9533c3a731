import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { bootstrap } from '../../cli/settings.ts';

const page = readFileSync(new URL('../../docs/config.md', import.meta.url), 'utf8');
const section = /^## steward\.yaml\n(.*?)(?=^## )/ms.exec(page)?.[1] ?? '';

/** Full names, such as `credentials.tokenFile`. */
function keysOf(schema: z.ZodType, above = ''): string[] {
  const inner = schema instanceof z.ZodOptional ? (schema.unwrap() as z.ZodType) : schema;
  if (!(inner instanceof z.ZodObject)) return [above];
  return Object.entries(inner.shape).flatMap(([key, value]) =>
    keysOf(value as z.ZodType, above === '' ? key : `${above}.${key}`),
  );
}

test('each key of steward.yaml has a line in the documentation, and no other has', () => {
  const documented = [...section.matchAll(/^\| `([\w.]+)` \|/gm)].map(([, key]) => key);
  expect(documented.sort()).toEqual(keysOf(bootstrap).sort());
});
