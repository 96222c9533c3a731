import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { builtInReader } from '../../desired-state/compose/built-in.ts';
import { jsonSchema, type schemaNames } from '../../desired-state/schema/json-schema.ts';
import type { DesiredState, Problem } from '../../desired-state/types.ts';
import { argvOf } from '../../reconciler/apply/argv.ts';
import { commandOf } from '../../reconciler/apply/command.ts';
import { makePlan } from '../../reconciler/plan.ts';
import type { Step } from '../../reconciler/types.ts';
import { emptyHost } from '../scenarios/settled.ts';
import { fullLab, labs, services } from './full-lab.ts';
import { labFolder, load } from './lab-folder.ts';
import { type Place, stringPlaces, withText } from './schema-places.ts';

/**
 * Text of somebody who means harm, in every place of lab.yaml and service.yaml where text may stand: a refusal with its
 * line, or a plan in which it stays one word, in its place.
 */
const hostile: Record<string, string> = {
  shell: '$(touch /tmp/reached)`id`;reboot|cat&&"\'<>*?',
  'no blank': '$(touch${IFS}/tmp/reached)`id`;reboot|cat&&"\'',
  climbing: '../../../../etc/cron.d/reached',
  'from the root': '/etc/cron.d/reached',
  'a new line': 'a\nb\n',
  NUL: 'a\0b',
  'an option': '-oProxyCommand=reached',
  'an option of a host': 'ssh://-oProxyCommand=reached/x',
  'an option of a person': '-oProxyCommand=reached@host:x',
  'a placeholder': '{$HOME}{env.HOME}${HOME}',
  'colours of a terminal': '\u001b[31mred\u202e',
  'very long': 'a'.repeat(100_000),
};

const documents = { lab: labs, service: services } as const satisfies Record<
  (typeof schemaNames)[number],
  unknown
>;
const places = (['lab', 'service'] as const).flatMap((name) =>
  stringPlaces(JSON.parse(jsonSchema(name))).map((place) => ({ name, place })),
);

test('the lab that all begins with is right', async () => {
  for (const lab of labs) await read(lab, services[0]);
});

test('and has a text in every place', () => {
  const without = places.filter(({ name, place }) => samplesOf(name, place, 'x').length === 0);
  expect(without.map(({ name, place }) => `${name} ${place.path.join('.')}`)).toEqual([]);
  expect(places.length).toBeGreaterThan(100);
});

describe.each(
  places.map(
    ({ name, place }) =>
      [`${name}.yaml ${place.path.join('.')}${place.isKey ? ' (a name)' : ''}`, name, place] as const,
  ),
)('%s', (_title, name, place) => {
  test.each(Object.entries(hostile))('%s', async (_what, text) => {
    for (const [lab, service] of samplesOf(name, place, text)) await expectHarmless(lab, service, text);
  });
});

/** Pairs of documents of which one has the text in this place. */
function samplesOf(name: 'lab' | 'service', place: Place, text: string): [unknown, unknown][] {
  const changed = documents[name].flatMap((document) => withText(document, place, text) ?? []);
  // Servers for DNS exclude each other; one document that has the place is enough.
  return changed
    .slice(0, 1)
    .map((document) => (name === 'lab' ? [document, services[0]] : [labs[0], document]));
}

async function read(lab: unknown, service: unknown): Promise<DesiredState> {
  const result = await loaded(lab, service);
  if (!result.ok) throw new Error(JSON.stringify(result.problems, null, 1));
  return result.state;
}

async function loaded(lab: unknown, service: unknown) {
  await using folder = await labFolder(fullLab(lab, service));
  return await load(folder.root, { as: '/checkout', compose: builtInReader() });
}

async function expectHarmless(lab: unknown, service: unknown, text: string): Promise<void> {
  const result = await loaded(lab, service);
  if (!result.ok) return expectRefusal(result.problems);
  const { plan } = makePlan({ ...emptyHost(result.state), nowMs: 1_700_000_000_000 });
  for (const step of plan.changes.flatMap(({ steps }) => steps)) expectInPlace(step, text);
}

/** With a place, and short and plain enough to be read in a terminal. */
function expectRefusal(problems: Problem[]): void {
  const errors = problems.filter(({ severity }) => severity === 'error');
  expect(errors).not.toEqual([]);
  for (const { file, line, message } of errors) {
    expect(file).toMatch(/^(lab\.yaml|services\/[a-z]+\/[A-Za-z.]+)$/);
    expect(line).toBeGreaterThan(0);
    expect(message.length).toBeLessThan(1_000);
  }
}

function expectInPlace(step: Step, text: string): void {
  const argvs = argvOf(step);
  for (const word of argvs.flat()) {
    expect(word).not.toContain('\0');
    // Neither an option of the tool, nor one of the ssh that it calls.
    if (word.includes(text)) expect(word).not.toMatch(/^-|:\/\/-|@-/);
  }
  if (argvs.flat().some((word) => word.includes(text))) {
    expect(wordsOfShell(commandOf(step))).toEqual(
      argvs.flatMap((argv, index) => (index === 0 ? argv : ['&&', ...argv])),
    );
  }
  for (const file of pathsOf(step)) expect(file).toBe(path.posix.normalize(file));
}

/** What a shell makes of a command line, `&&` being a word like any other. */
function wordsOfShell(command: string): string[] {
  const marked = command.replaceAll(' && ', " '&&' ");
  return execFileSync('sh', ['-c', `printf '%s\\0' ${marked}`], { encoding: 'utf8' })
    .split('\0')
    .slice(0, -1);
}

const pathFields = ['path', 'file', 'mountpoint', 'directory', 'socket', 'folder'];

function pathsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    pathFields.includes(key) && typeof item === 'string' ? [item] : pathsOf(item),
  );
}
