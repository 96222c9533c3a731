import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { parseYaml } from '../../desired-state/locate.ts';
import { checkFile } from '../../desired-state/schema/explain.ts';
import { labSchema } from '../../desired-state/schema/lab.ts';
import { serviceSchema } from '../../desired-state/schema/service.ts';
import { dockerCompose } from '../support/docker-compose-binary.ts';

const template = fileURLToPath(new URL('../../cli/init/template', import.meta.url));
const hello = join(template, 'services/hello');
const [composeFile = '', ...composeArgs] = await dockerCompose();

it.each([
  ['lab.yaml', labSchema],
  ['services/hello/service.yaml', serviceSchema],
])('what init writes has no problem: %s', (file, schema) => {
  expect(checkFile(parseYaml(file, readFileSync(join(template, file))), schema).problems).toEqual([]);
});

it('the backup that init leaves out is right as it stands, once it is no comment any more', () => {
  const text = readFileSync(join(template, 'lab.yaml'), 'utf8');
  const uncommented = text.replace(/^# (backup:| {2}\w+:.*)$/gm, '$1');
  const { value, problems } = checkFile(parseYaml('lab.yaml', Buffer.from(uncommented)), labSchema);
  expect(problems).toEqual([]);
  expect(value?.backup).toMatchObject({ schedule: '30 3 * * *', timezone: 'Europe/Rome' });
});

it('docker compose config accepts the first service without a warning', async () => {
  const result = await execa(composeFile, [...composeArgs, 'config', '--quiet'], {
    cwd: hello,
    timeout: 20_000,
  });
  expect(result.stderr).toBe('');
});

it.each([
  ['lab.yaml', './schemas/lab.schema.json'],
  ['services/hello/service.yaml', '../../schemas/service.schema.json'],
])('%s tells editors where its schema is', (file, schema) => {
  const firstLine = readFileSync(join(template, file), 'utf8').split('\n')[0];
  expect(firstLine).toBe(`# yaml-language-server: $schema=${schema}`);
});
