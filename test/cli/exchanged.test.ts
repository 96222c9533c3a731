import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { doubtRepository, readBackups } from '../../reconciler/state/backups.ts';
import { editProof } from '../../reconciler/state/proofs.ts';
import { openStore } from '../../reconciler/state/store.ts';
import { simulatedHost } from '../../simulator/host.ts';
import { type Lab, labYaml, newLab } from './lab.ts';
import { expectRefusal, steward } from './steward.ts';

/** Somebody has put another repository in the place of the one that Steward knows. */

let lab: Lab;
let archive: string;

const withBackup = `${labYaml}backup: { repository: /backup, passphrase: { file: /etc/steward/words } }\n`;
const location = '/backup/datapool_services_blog';
const forget = 'steward forget borg-repository:datapool/services/blog';
const command = (...args: string[]) => steward([...args, ...lab.flags]);

function inState<T>(look: (backups: ReturnType<typeof readBackups>) => T): T {
  const store = openStore(lab.stateDir);
  try {
    return look(readBackups(store));
  } finally {
    store.close();
  }
}
const known = () => inState(({ repositories }) => repositories.get(location));
const names = () => inState(({ archives }) => (archives.get(location) ?? []).map(({ name }) => name));

function setDoubt(): void {
  const store = openStore(lab.stateDir);
  doubtRepository(store, location);
  store.close();
}

/** A drill of the one before, which would hold back every prune of the new one. */
function foundBad(): void {
  const store = openStore(lab.stateDir);
  editProof(store, 'drill', 'blog', () => ({ atMs: 1, result: 'bad', message: 'it differs' }));
  editProof(store, 'drill', 'wiki', () => ({ atMs: 1, result: 'good' }));
  store.close();
}

function exchange(): void {
  const resolveStack = async () => [];
  const file = join(lab.stateDir, 'simulated-host');
  const { state } = simulatedHost({ file, now: Date.now, resolveStack });
  state.repositories.set(location, { location, encryption: 'repokey-blake2', id: 'another' });
  state.archives.delete(`${location}::${archive}`);
  state.store.commit();
}

beforeAll(async () => {
  lab = await newLab();
  await lab.commit('Back up', { 'lab.yaml': withBackup });
  await command('reconcile', '--once');
  await command('backup', 'run', 'blog');
  archive = names()[0] ?? '';
  exchange();
});
afterAll(() => lab.remove());

it('whoever looks first leaves no doubt that the next backup must look, too', async () => {
  expect(known()).toMatchObject({ inDoubt: false });
  expectRefusal(await command('archives', 'blog', '--refresh'), `is not the one that was there before`);
  expect(known()).toMatchObject({ inDoubt: true });
});

describe.each<[string, string[]]>([
  ['archives', ['archives', 'blog']],
  ['archives --refresh', ['archives', 'blog', '--refresh']],
  ['extract', ['extract', 'blog', 'latest', '--to', '/tmp/nothing-comes-here']],
  ['restore', ['restore', 'blog', '--yes']],
  ['delete-archive', ['delete-archive', 'blog', 'latest', '--confirm', 'blog', '--force']],
])('steward %s', (_name, args) => {
  it('does not take it for the one before, and says what to do', async () => {
    const before = known();
    setDoubt();
    const told = await command(...args);
    expect(known()).toEqual({ ...before, inDoubt: true });
    expect(names()).toContain(archive);
    expectRefusal(told, `is not the one that was there before, and was left alone`);
    expect(told.stderr).toContain(forget);
  });
});

it('nothing is archived into it, however often it was looked at', async () => {
  const { code, stderr } = await command('backup', 'run', 'blog');
  expect(stderr).toContain('is not the one that was there before');
  expect(code).toBe(1);
  expect(names()).toEqual([archive]);
});

it('is taken once the one before is forgotten', async () => {
  const args = forget.split(' ').slice(1);
  foundBad();
  expect(await steward([...args, '--state-dir', lab.stateDir])).toMatchObject({ code: 0, stderr: '' });
  const { code, stdout } = await command('archives', 'blog');
  expect(stdout).toMatch(/^No archive/);
  expect(code).toBe(0);
  expect(known()).toMatchObject({ borgId: 'another', inDoubt: false });
  expect(inState(({ proofs }) => [...proofs.keys()])).toEqual(['drill wiki']);
});
