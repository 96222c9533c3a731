import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pair, startBackupLab } from './support/backup-lab.ts';
import type { Homelab } from './support/homelab.ts';
import { git } from './support/lab-files.ts';

/** What outlives the server: the repositories of Borg and of Git, and the passphrase in somebody's drawer. */
const kept = '/backup/borg /srv/lab.git /etc/steward';
const counter = "docker exec git-database psql -U app -qAtc 'select count(*), max(n) from counter'";
const database = '/datapool/services/git/database';

/** Where the ids of containers begin on the new server: inside the range of the old one, which begins at 100000. */
const newBase = 110_000;
const newGroup = 950;

let lab: Homelab;
let folder: string;
let before: Record<string, string>;
let oldGroup: string;

function sorted(text: string): string {
  return text.trim().split('\n').sort().join('\n');
}

/** What must be the same on the new server. */
async function looks(): Promise<Record<string, string>> {
  return {
    rows: await lab.run(counter),
    owners: sorted(
      await lab.run(
        `find /datapool/services -maxdepth 4 -path '*/database/*' -prune -o -not -name '.steward*' -printf '%U %G %m %P\\n'`,
      ),
    ),
    database: sorted(
      await lab.run(
        `find ${database} -mindepth 1 -maxdepth 1 -not -name 'postmaster*' -printf '%U %G %m %y %P\\n'`,
      ),
    ),
    inside: await lab.run(
      `docker exec git-database sh -c "cd /var/lib/postgresql/data && stat -c '%u %g %a %n' . base base/* | sort"`,
    ),
    file: await lab.run('sha256sum /datapool/services/git/files/note'),
    properties: await lab.run(
      'zfs get -H -s local -o name,property,value all -r datapool/services | grep -v steward:',
    ),
    networks: await lab.run("docker network ls --filter name=_net --format '{{.Name}}' | sort"),
  };
}

/** The lines with owners, as the containers of the new server must have them. */
function moved(found: Record<string, string>): Record<string, string> {
  const id = (text: string) => (Number(text) < 100_000 ? text : String(Number(text) - 100_000 + newBase));
  const line = (_all: string, uid: string, gid: string) =>
    `${id(uid)} ${gid === oldGroup ? newGroup : id(gid)} `;
  const lines = (text = '') => sorted(text.replace(/^(\d+) (\d+) /gm, line));
  return { ...found, owners: lines(found.owners), database: lines(found.database) };
}

/** Another range of ids for containers, and another number for the group that directories share. */
async function renumber(): Promise<void> {
  await lab.run('docker save -o /root/images.tar lab/busybox:1 lab/postgres:1');
  await lab.run(`sed -i s/:100000:/:${newBase}:/ /etc/subuid /etc/subgid && groupadd -g ${newGroup} labdata`);
  await lab.run('systemctl restart docker && docker load -qi /root/images.tar && rm /root/images.tar');
  expect(await lab.run("docker info -f '{{.DockerRootDir}}'")).toContain(`/${newBase}.${newBase}`);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recover-'));
  lab = await startBackupLab({ ...git, ...pair });
  await lab.run(
    "docker exec git-database psql -U app -qAtc 'create table counter (n serial, at timestamptz default now()); insert into counter select from generate_series(1, 500)'",
  );
  await lab.run(
    'mkdir -p /datapool/services/git/files && head -c 3000000 /dev/urandom > /datapool/services/git/files/note',
  );
  // As old photos are called, whose names are no UTF-8.
  await lab.run(
    'cd /datapool/services/git/files && old=$(printf "Z\\374rich.jpg") && echo photo > "$old" && chown 101000:labdata "$old"',
  );
  // A number that means something on both servers, one of the host's own, and a program that runs as its owner.
  await lab.run(
    'cd /datapool/services/git/files && touch high own tool && chown 115000:115001 high && chown 1234:1234 own && chown 101000:labdata tool && chmod 6755 tool && ln tool twice && ln -s /etc/passwd link && chown -h 101000:101000 link',
  );
  oldGroup = (await lab.run('getent group labdata | cut -d: -f3')).trim();
  expect(oldGroup).not.toBe(String(newGroup));
  expect((await lab.steward('backup run --all')).exitCode).toBe(0);
  before = await looks();
  await lab.run(`tar -C / -czf /root/kept.tgz ${kept.replaceAll(' /', ' ').slice(1)}`);
  await lab.vm.pull('/root/kept.tgz', folder);
});

afterAll(async () => {
  await lab?.[Symbol.asyncDispose]();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

describe('a new server with an empty pool and other numbers for its owners', () => {
  beforeAll(async () => {
    await lab.vm.reset();
    await lab.vm.push(join(folder, 'kept.tgz'), '/root');
    await lab.run('tar -C / -xzpf /root/kept.tgz');
    expect(await lab.run('zfs list -H -o name -r datapool; docker ps -aq')).toBe('datapool');
    await renumber();
  });

  test('that is cut off in the middle starts nothing on half of its data', async () => {
    const started = "setsid sh -c 'echo $$ >/tmp/recover.pid; exec steward recover' >/tmp/recover.log 2>&1 &";
    const extracting = 'until grep -q "^git: restoring" /tmp/recover.log; do sleep 0.05; done';
    await lab.run(`${started} ${extracting}; kill -9 -$(cat /tmp/recover.pid)`);
    const { cycle } = await lab.reconcile();
    expect(cycle.blocked.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['compose-stack:git', 'compose-stack:pair']),
    );
    expect(await lab.run('docker ps -aq')).toBe('');
  });

  test('becomes what Git and the archives say', async () => {
    const { exitCode, stdout, stderr } = await lab.steward('recover');
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(stdout).toMatch(/✓ git {3}git-\S+Z, of .*\n✓ pair {2}pair-\S+Z, of .*\n\n2 services recovered/);
    const said = `owners moved from base 100000 to ${newBase} and of group labdata from ${oldGroup} to ${newGroup}`;
    expect(stdout.split(said)).toHaveLength(3);
    const after = await looks();
    expect(after).toEqual(moved(before));
    expect(after.owners).toContain('125000 125001 ');
    expect((await lab.run('stat -c "%u %a" /etc/passwd')).trim()).toBe('0 644');
  }, 1_500_000);

  test('has nothing left to do but to back up what is due', async () => {
    const { plan } = await lab.plan();
    expect(plan.blocked).toEqual([]);
    expect(plan.changes.map(({ id }) => id).filter((id) => !id.startsWith('backup:'))).toEqual([]);
    const since = (name: string) => new RegExp(`· ${name} +left alone: .*; it was recovered from ${name}-`);
    const { exitCode, stdout } = await lab.steward('recover');
    expect(stdout).toMatch(since('git'));
    expect(stdout).toMatch(since('pair'));
    expect(stdout).toMatch(/\nNothing to recover: [0-9a-f]{7} is in force\.\n?$/);
    expect(exitCode).toBe(0);
  });
});
