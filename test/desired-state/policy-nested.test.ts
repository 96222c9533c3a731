import { expect, test } from 'vitest';
import { files, lab, readerOf, stateOf } from './policy-lab.ts';

const data = '/tank/services/photo/data';
type Mounts = Record<string, string[]>;

const quiet = `${lab}policy: { rules: { backup-coverage: off } }\n`;
const composeOf = (containers: Mounts) =>
  [
    'services:',
    ...Object.entries(containers).map(
      ([name, mounts]) =>
        `  ${name}: { image: "x:1", container_name: photo-${name}, user: "1", restart: always, networks: [photo_net], volumes: ${JSON.stringify(mounts)} }`,
    ),
    'networks: { photo_net: { external: true } }',
    `volumes: { inner: { driver_opts: { type: none, o: bind, device: ${data}/in } }, plain: {} }`,
    '',
  ].join('\n');

async function told(containers: Mounts, reader = 'built-in'): Promise<string[]> {
  const tree = files(composeOf(containers), { 'lab.yaml': quiet });
  const { findings } = (await stateOf(tree, await readerOf(reader))).policy;
  return findings.map(({ rule, severity, message, line }) => `${rule} ${severity}@${line}: ${message}`);
}

const broken = (who: string, line: number, source = `${data}/in`) =>
  `outside-bind-mount error@${line}: two mounts ${source}, and ${who} can put a link to anywhere on the server in its place, as it writes to ${data}`;

test.each(['built-in', 'docker'])(
  'a mount inside of what another container writes to (%s)',
  async (reader) => {
    expect(await told({ one: [`${data}:/w`], two: [`${data}/in:/h`] }, reader)).toEqual([broken('one', 3)]);
  },
);

test.each<[string, Mounts, string[]]>([
  ['read-only itself', { one: [`${data}:/w`], two: [`${data}/in:/h:ro`] }, [broken('one', 3)]],
  ['deeper', { one: [`${data}:/w`], two: [`${data}/a/in:/h`] }, [broken('one', 3, `${data}/a/in`)]],
  ['at another place in the one that writes', { two: [`${data}:/w`, `${data}/in:/h`] }, [broken('it', 2)]],
  ['as a volume that is a folder', { one: [`${data}:/w`], two: ['inner:/h'] }, [broken('one', 3)]],
  [
    'where a folder on the way is free',
    { two: [`${data}:/w`, `${data}/a/in:/w/a/in`] },
    [broken('it', 2, `${data}/a/in`)],
  ],
  [
    'that one container has at the same place, and another not',
    { two: [`${data}:/w`, `${data}/in:/w/in`], one: [`${data}:/w`] },
    [broken('one', 2)],
  ],
])('%s', async (_what, containers, expected) => {
  expect(await told(containers)).toEqual(expected);
});

test.each<[string, Mounts]>([
  ['inside a parent that is read-only', { one: [`${data}:/w:ro`], two: [`${data}/in:/h`] }],
  ['at the same place in the one that writes', { two: [`${data}:/w`, `${data}/in:/w/in`] }],
  ['so in both, as where they share their mounts', mounts('one', 'two')],
  ['on every folder on the way', { two: [`${data}:/w`, `${data}/a:/w/a`, `${data}/a/in:/w/a/in`] }],
  ['below a volume at that place', { one: [`${data}:/w`, 'plain:/w/in'], two: [`${data}/in:/h`] }],
  ['of the same folder', { one: [`${data}:/w`], two: [`${data}:/h`] }],
  ['beside, with the same beginning', { one: [`${data}:/w`], two: [`${data}-in:/h`] }],
])('harmless: %s', async (_what, containers) => {
  expect(await told(containers)).toEqual([]);
});

function mounts(...names: string[]): Mounts {
  return Object.fromEntries(names.map((name) => [name, [`${data}:/w`, `${data}/in:/w/in`, `${data}/in:/x`]]));
}
