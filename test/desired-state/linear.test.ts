import { expect, test } from 'vitest';
import type { ServiceContext } from '../../desired-state/context.ts';
import { portPlace } from '../../desired-state/describe.ts';
import { fieldOrigins } from '../../desired-state/fields.ts';
import { parseYaml, type YamlFile } from '../../desired-state/locate.ts';
import { bindMounts } from '../../desired-state/mounts.ts';

/** A small file must not keep the process busy for minutes: looks into it grow with its lines, not with their square. */
const lines = 300;
const each = (make: (index: number) => string) => Array.from({ length: lines }, (_, index) => make(index));

/** Counts how often a place of the file is looked for. */
function counted(part: string, items: string[]): { context: ServiceContext; looks: () => number } {
  const text = `services:\n  a:\n    ${part}:\n${items.map((item) => `      - ${item}\n`).join('')}`;
  const yaml = parseYaml('services/a/docker-compose.yml', Buffer.from(text));
  let looks = 0;
  const find: YamlFile['find'] = (path) => {
    looks += 1;
    return yaml.find(path);
  };
  const volumes = each((index) => `/${index}`).map((source) => ({ type: 'bind', source, target: source }));
  const service = { image: 'x', volumes };
  const project = {
    name: 'a',
    services: { a: service },
    networks: {},
    volumes: {},
    configs: {},
    secrets: {},
  };
  const folder = { name: 'a', folder: 'services/a', composeFiles: ['docker-compose.yml'] };
  const context = { composeYaml: [{ ...yaml, find }], project, folder, env: [] } as unknown as ServiceContext;
  return { context, looks: () => looks };
}

test('mounts', () => {
  const { context, looks } = counted(
    'volumes',
    each((index) => `/${index}:/${index}`),
  );
  expect(bindMounts(context).map(({ origin }) => origin.line)).toEqual(
    each((index) => `${index + 4}`).map(Number),
  );
  expect(looks()).toBeLessThan(5 * lines);
});

test('ports', () => {
  const { context, looks } = counted(
    'ports',
    each((index) => `"${1000 + index}:80"`),
  );
  const found = each((index) => `${index}`).map(
    (index) => portPlace(context, 'a', 1000 + Number(index), 0).line,
  );
  expect(found).toEqual(each((index) => `${index + 4}`).map(Number));
  expect(looks()).toBeLessThan(5 * lines);
});

test('variables in a list', () => {
  const { context, looks } = counted(
    'environment',
    each((index) => `V${index}=x`),
  );
  const environment = Object.fromEntries(each((index) => `V${index}`).map((name) => [name, 'x']));
  const origins = fieldOrigins(context, 'a', { environment } as never);
  expect(origins['environment.V7']?.line).toBe(11);
  expect(looks()).toBeLessThan(8 * lines);
});

test.each(['a: 1\nb: 2\na: 3\n', 'x: { a: 1, b, a: 2 }\n', '- { a: 1, "a": 2 }\n'])(
  'a key that is written twice is seen all the same: %j',
  (text) => {
    const { problems, value } = parseYaml('a.yml', Buffer.from(text));
    expect(problems.map(({ message }) => message)).toEqual(['the key is written twice']);
    expect(value).toBeUndefined();
  },
);
