import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { location, startBackupLab } from './support/backup-lab.ts';
import type { Homelab } from './support/homelab.ts';

const database = '/datapool/services/git/database';
let lab: Homelab;

beforeAll(async () => {
  lab = await startBackupLab();
});

afterAll(() => lab?.[Symbol.asyncDispose]());

/** In the database, as its own client. */
function sql(statement: string): Promise<string> {
  return lab.run(`docker exec git-database psql -U app -qAtc "${statement}"`);
}

async function rows(): Promise<number> {
  return Number(await sql('select count(*) from counter'));
}

async function ownersAndModes(): Promise<string> {
  return await lab.run(`find ${database} -maxdepth 1 -printf '%U %G %m %P\\n' | grep -v postmaster | sort`);
}

const note = '/datapool/services/git/files/note';

/** By Python, which Borg has brought along: the server has no setfattr. */
async function setMark(value: string): Promise<void> {
  await lab.run(`python3 -c "import os; os.setxattr('${note}', 'user.mark', b'${value}')"`);
}

async function mark(): Promise<string> {
  return await lab.run(`python3 -c "import os; print(os.getxattr('${note}', 'user.mark').decode(), end='')"`);
}

async function kept(): Promise<string[]> {
  return (await lab.run('zfs list -H -t snapshot -o name | grep before-restore || true')).trim().split('\n');
}

async function snapshotCount(): Promise<number> {
  return Number(await lab.run('zfs list -H -t snapshot -o name | grep -c @ || true'));
}

describe('a database with a row counter', () => {
  let archived: number;
  let later: number;
  let owners: string;

  beforeAll(async () => {
    await sql('create table counter (n serial, at timestamptz default now())');
    await sql('insert into counter select from generate_series(1, 500)');
    await lab.run('mkdir -p /datapool/services/git/files && echo first > /datapool/services/git/files/note');
    await setMark('first');
    expect((await lab.steward('backup run git')).exitCode).toBe(0);
    archived = await rows();
    owners = await ownersAndModes();
    await sql('insert into counter select from generate_series(1, 77)');
    await lab.run(
      'cd /datapool/services/git/files && echo second > note && touch new "$(printf "Z\\374rich.jpg")"',
    );
    await setMark('second');
    later = await rows();
  });

  test('can be looked at in its archive like a folder, and is gone again when the looking ends', async () => {
    const archive = (await lab.run("steward archives git | grep -oE 'git-[0-9T:-]+Z' | head -1")).trim();
    const looked = await lab.run(
      [
        `steward mount git ${archive} /mnt/look > /tmp/mount.log 2>&1 & pid=$!`,
        'until test -e /mnt/look/files/note; do kill -0 $pid || { cat /tmp/mount.log >&2; exit 1; }; sleep 0.2; done',
        "cat /mnt/look/files/note; stat -c '%u %a' /mnt/look/database",
        'steward umount /mnt/look && wait $pid && echo ended; grep -c /mnt/look /proc/mounts || true',
      ].join('\n'),
    );
    expect(looked).toBe('first\n100999 700\nended\n0');
  });

  test('is what the archive holds after a restore, and owned as before', async () => {
    const { exitCode, stdout, stderr } = await lab.steward('restore git --yes');
    expect(`${stdout}${stderr}`).toContain('git  restored from git-');
    expect(exitCode).toBe(0);
    expect([archived, later]).toEqual([500, 577]);
    expect(await rows()).toBe(archived);
    expect(await ownersAndModes()).toBe(owners);
    // Container user 999 under userns-remap.
    expect(
      new Set(
        owners
          .trim()
          .split('\n')
          .map((line) => line.split(' ')[0]),
      ),
    ).toEqual(new Set(['100999']));
    expect(await lab.run('cat /datapool/services/git/files/note; ls /datapool/services/git/files')).toBe(
      'first\nnote',
    );
    expect(await mark()).toBe('first');
  });

  test('is healthy, with nothing left to do but what it has kept', async () => {
    const { git, ...others } = await health();
    expect({ git, ...others }).toMatchObject({ 'git-database': 'healthy' });
    const { plan, exitCode } = await lab.plan();
    expect({ changes: plan.changes, blocked: plan.blocked, exitCode }).toEqual({
      changes: [],
      blocked: [],
      exitCode: 0,
    });
    expect(await kept()).toHaveLength(2);
    expect(await sql('select pg_is_in_recovery()')).toBe('f');
  });

  test('refuses to go back over a snapshot by hand, and names it', async () => {
    await lab.run('zfs snapshot datapool/services/git@by-hand');
    const { exitCode, stderr } = await lab.steward('restore git --undo --yes');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('datapool/services/git@by-hand is newer');
    await lab.run('zfs destroy datapool/services/git@by-hand');
    expect(await rows()).toBe(archived);
  });

  test('has its newer rows again after --undo', async () => {
    const { exitCode, stdout, stderr } = await lab.steward('restore git --undo --yes');
    expect(`${stdout}${stderr}`).toContain('git  is what it was before the restore');
    expect(exitCode).toBe(0);
    expect(await rows()).toBe(later);
    expect(await lab.run('cat /datapool/services/git/files/note')).toBe('second');
    expect(await snapshotCount()).toBe(0);
  });

  test('killed in the middle of a restore it is as before after the next start', async () => {
    const started =
      "setsid sh -c 'echo $$ >/tmp/restore.pid; exec steward restore git --yes' >/tmp/restore.log 2>&1 &";
    const extracting = 'until grep -q restoring /tmp/restore.log; do sleep 0.05; done; sleep 0.5';
    await lab.run(`${started} ${extracting}; kill -9 -$(cat /tmp/restore.pid)`);
    expect(await lab.run('cat /tmp/restore.log')).not.toContain('restored from');
    const { exitCode } = await lab.reconcile();
    expect(exitCode).toBe(0);
    expect(await rows()).toBe(later);
    expect(await snapshotCount()).toBe(0);
  });

  test('one path alone is brought back, the database is left as it is', async () => {
    const { exitCode, stderr } = await lab.steward('restore git --path files --yes');
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(await lab.run('cat /datapool/services/git/files/note; ls /datapool/services/git/files')).toBe(
      'first\nnote',
    );
    expect(await rows()).toBe(later);
  });

  test('a second restore keeps what the first has kept, and one undo after the other leads back to that', async () => {
    const note = '/datapool/services/git/files/note';
    await lab.run(`echo third > ${note}`);
    expect((await lab.steward('restore git --yes')).exitCode).toBe(0);
    expect(await lab.run(`cat ${note}`)).toBe('first');
    expect(await rows()).toBe(archived);
    expect(await kept()).toHaveLength(4);
    expect((await lab.steward('restore git --undo --yes')).exitCode).toBe(0);
    expect(await lab.run(`cat ${note}`)).toBe('third');
    expect(await rows()).toBe(later);
    expect(await kept()).toHaveLength(2);
    expect((await lab.steward('restore git --undo --yes')).exitCode).toBe(0);
    expect(await lab.run(`cat ${note}`)).toBe('second');
    expect(await rows()).toBe(later);
    expect(await snapshotCount()).toBe(0);
  });

  test('a damaged archive costs no data: it goes back by itself', async () => {
    const path = `${location.replace('ssh://borg@localhost', '')}/datapool_services_git`;
    const largest = `f=$(ls -S ${path}/data/*/* | head -1)`;
    const middle = 'seek=$(($(stat -c %s $f) / 2))';
    await lab.run(`${largest}; head -c 200 /dev/urandom | dd of=$f bs=1 ${middle} conv=notrunc 2>/dev/null`);
    const { exitCode, stderr } = await lab.steward('restore git --yes');
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 1 });
    expect(stderr).toContain('what was there before is back');
    expect(await rows()).toBe(later);
    expect((await health())['git-database']).toBe('healthy');
    expect(await snapshotCount()).toBe(0);
  });
});

async function health(): Promise<Record<string, string>> {
  const names = (await lab.run("docker ps --format '{{.Names}} {{.Status}}'")).trim().split('\n');
  return Object.fromEntries(
    names.map((line) => {
      const [name = '', ...status] = line.split(' ');
      return [name, /\((\w+)\)/.exec(status.join(' '))?.[1] ?? 'none'];
    }),
  );
}
