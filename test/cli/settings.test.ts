import * as fs from 'node:fs';
import * as os from 'node:os';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { status } from '../../cli/commands/status.ts';
import { identityOf } from '../../cli/secrets/checkout.ts';
import { readSettings } from '../../cli/settings.ts';

vi.mock('node:fs', { spy: true });
vi.mock('node:os', { spy: true });

/** Whose state a command opens: one that is empty answers every question, and each time wrongly. */

const systemState = '/var/lib/steward';
const home = fs.mkdtempSync(join(tmpdir(), 'steward-home-'));
const config = join(home, 'steward.yaml');
const ownState = join(home, '.local/state/steward');
afterAll(() => fs.rmSync(home, { recursive: true }));

function on(user: { uid: number }, host: { isManaged: boolean }): void {
  vi.mocked(os.userInfo).mockReturnValue({ ...user } as ReturnType<typeof os.userInfo>);
  vi.mocked(os.homedir).mockReturnValue(home);
  vi.mocked(fs.existsSync).mockImplementation((path) => path === systemState && host.isManaged);
}

const ordinary = { uid: 1000 };
const root = { uid: 0 };
const refusal =
  "the state of this host is in /var/lib/steward, and root's: run it with sudo; --state-dir DIR is for one of your own";

beforeEach(() => vi.stubEnv('XDG_STATE_HOME', undefined));

describe('an ordinary user', () => {
  it('on a host with a state of root is told so, and nothing is opened in its place', async () => {
    on(ordinary, { isManaged: true });
    expect(() => readSettings({})).toThrow(refusal);
    await expect(status({ output: 'text' })).rejects.toThrow(refusal);
    vi.stubEnv('XDG_STATE_HOME', join(home, 'xdg'));
    expect(() => readSettings({})).toThrow(refusal);
    expect(fs.readdirSync(home)).toEqual([]);
  });

  it('goes on with a state folder that is named', () => {
    on(ordinary, { isManaged: true });
    expect(readSettings({ stateDir: '/home/ada/lab' }).stateDir).toBe('/home/ada/lab');
    fs.writeFileSync(config, 'stateDir: /srv/lab\n');
    expect(readSettings({ config }).stateDir).toBe('/srv/lab');
    fs.rmSync(config);
  });

  it('goes on with a simulated host, and with secrets of a checkout: neither has to do with this one', () => {
    on(ordinary, { isManaged: true });
    expect(readSettings({ host: 'simulator' }).stateDir).toBe(ownState);
    expect(identityOf({})).toMatch(/^\//);
  });

  it('elsewhere has one of his own', () => {
    on(ordinary, { isManaged: false });
    expect(readSettings({}).stateDir).toBe(ownState);
  });
});

describe('a flag', () => {
  const given = (file: string, flags: Parameters<typeof readSettings>[0]) => {
    on(root, { isManaged: false });
    fs.writeFileSync(config, file);
    return readSettings({ ...flags, config });
  };

  it.each([
    ['branch: main\n', { tag: 'v1' }, { branch: null, tag: 'v1' }],
    ['tag: v1\n', { branch: 'main' }, { branch: 'main', tag: null }],
    ['tag: v1\n', {}, { branch: null, tag: 'v1' }],
    ['tag: v1\n', { branch: 'main', tag: 'v2' }, { branch: 'main', tag: 'v2' }],
  ])(
    'of what is followed goes before the file, whichever of the two it has: %j and %j',
    (file, flags, expected) => {
      expect(given(file, flags)).toMatchObject(expected);
    },
  );

  it.each(['0', '0ms', '900ms', '90000s', '1441m', '1h', '-1'])('--interval %s is refused', (interval) => {
    expect(() => given('', { interval })).toThrow(
      `--interval ${interval}: expected 1s to 86400s, such as 60s or 5m`,
    );
  });

  it.each([
    ['1', 1000],
    ['1500ms', 1500],
    ['86400s', 86_400_000],
    ['5m', 300_000],
  ])('--interval %s is taken', (interval, intervalMs) => {
    expect(given('intervalSeconds: 7\n', { interval })).toMatchObject({ intervalMs });
  });
});

it('root has that of the host, there already or not', () => {
  for (const isManaged of [true, false]) {
    on(root, { isManaged });
    expect(readSettings({}).stateDir).toBe(systemState);
  }
});
