import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { RepositoryFiles } from '../../desired-state/files.ts';
import { readLab } from '../../desired-state/lab.ts';
import { parseYaml } from '../../desired-state/locate.ts';
import { checkFile } from '../../desired-state/schema/explain.ts';
import { labSchema } from '../../desired-state/schema/lab.ts';
import { serviceSchema } from '../../desired-state/schema/service.ts';
import type { Problem } from '../../desired-state/types.ts';
import { problemsOf } from './lab-folder.ts';

const knownKeys = [
  ...Object.keys(labSchema.shape),
  ...Object.keys(serviceSchema.shape),
  'properties',
  'children',
  'path',
  'owner',
  'mode',
  'host',
  'to',
  'parent',
  'mountpoint',
  'pool',
  'prefix',
  'subnets',
  '__proto__',
  'constructor',
  'toString',
];

/** Values that often get past the first check: known keys around anything at all. */
const { value: configuration } = fc.letrec((tie) => ({
  leaf: fc.oneof(
    fc.string(),
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.constantFrom('500G', '10.0.0.0/8', 'a', '0700', '* * * * *', '/x'),
  ),
  value: fc.oneof(
    { depthSize: 'small' },
    tie('leaf'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.oneof(fc.constantFrom(...knownKeys), fc.string()), tie('value'), { maxKeys: 5 }),
  ),
}));

const text = fc.oneof(
  configuration.map((value) => stringify(value)),
  fc.string({
    unit: fc.constantFrom(
      ...'ab: -{}[]&*!|>\'"#%@`,?\n\t~0'.split(''),
      'version: 1\n',
      '<<: ',
      '\uFEFF',
      '---\n',
      '...\n',
    ),
    maxLength: 80,
  }),
);

function expectSound(problems: Problem[], source: string): void {
  const lines = source.split('\n').length;
  for (const { line, column, message } of problems) {
    expect(message).not.toBe('');
    expect(line).toBeGreaterThanOrEqual(1);
    expect(line).toBeLessThanOrEqual(lines);
    expect(column).toBeGreaterThanOrEqual(1);
  }
}

test.each([
  ['lab.yaml', labSchema],
  ['service.yaml', serviceSchema],
] as const)('no text at all makes %s throw, and every problem has a place inside it', (file, schema) => {
  fc.assert(
    fc.property(text, (source) => {
      const { value, problems } = checkFile(parseYaml(file, Buffer.from(source)), schema);
      expect(value === undefined).toBe(problems.length > 0);
      expectSound(problems, source);
    }),
    { numRuns: 500 },
  );
});

test('no bytes at all make YAML throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) =>
      expectSound(parseYaml('x', bytes).problems, Buffer.from(bytes).toString('latin1')),
    ),
  );
});

test('whatever is in lab.yaml, the rest of it can be worked with', async () => {
  await fc.assert(
    fc.asyncProperty(configuration, async (value) => {
      const bytes = Buffer.from(stringify(value));
      const files = {
        read: () => ({ bytes, digest: '' }),
        state: () => 'file',
      } as unknown as RepositoryFiles;
      const { lab } = await readLab(files);
      expect(labSchema.safeParse(lab).success).toBe(true);
    }),
  );
});

test('a whole load never throws for what users write', async () => {
  await fc.assert(
    fc.asyncProperty(text, text, async (lab, service) => {
      const files = {
        'lab.yaml': lab,
        'services/a/compose.yaml': 'services: { web: { image: x } }\n',
        'services/a/service.yaml': service,
      };
      expect(await problemsOf(files)).toBeInstanceOf(Array);
    }),
    { numRuns: 100 },
  );
});
