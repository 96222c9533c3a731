import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LabVm, startLab } from './vm.ts';

/** The first run on a machine builds the image. */
const buildTimeoutMs = 45 * 60_000;
const testTimeoutMs = 5 * 60_000;

describe('the lab server', { timeout: testTimeoutMs }, () => {
  let vm: LabVm;

  beforeAll(async () => {
    vm = await startLab();
  }, buildTimeoutMs);

  afterAll(async () => {
    await vm?.shutdown();
  }, testTimeoutMs);

  const lines = async (command: string) => (await vm.exec(command)).stdout.split('\n');

  test('has two healthy pools and no dataset besides', async () => {
    expect(await lines('zpool list -Ho name,health')).toEqual(['backuppool\tONLINE', 'datapool\tONLINE']);
    expect(await lines('zfs list -Ho name,mountpoint')).toEqual([
      'backuppool\t/backup',
      'datapool\t/datapool',
    ]);
  });

  test('has no failed unit and a clock that shows now', async () => {
    expect((await vm.exec('systemctl --failed --no-legend --plain')).stdout).toBe('');
    const guestSeconds = Number((await vm.exec('date +%s')).stdout);
    expect(Math.abs(guestSeconds - Date.now() / 1000)).toBeLessThan(10);
  });

  test('runs Docker with remapped users and local logs', async () => {
    const { stdout } = await vm.exec("docker info --format '{{.SecurityOptions}} {{.LoggingDriver}}'");
    expect(stdout).toContain('name=userns');
    expect(stdout).toContain('local');
    expect((await vm.exec('docker compose version --short')).stdout).toMatch(/^v?2\./);
  });

  test('shows files of container user 1000 as uid 101000', async () => {
    await vm.exec('install -d -o 101000 -g 101000 /srv/bind');
    await vm.exec('docker run --rm --user 1000:1000 -v /srv/bind:/data lab/busybox:1 touch /data/file');
    expect(await lines('stat -c %u:%g /srv/bind/file')).toEqual(['101000:101000']);
  });

  test('has two busybox images that differ', async () => {
    const ids = await lines("docker image inspect --format '{{.Id}}' lab/busybox:1 lab/busybox:2");
    expect(new Set(ids).size).toBe(2);
  });

  test('starts PostgreSQL as a user of ones own until it is healthy', async () => {
    await vm.exec('zfs create datapool/db && install -d -o 101000 -g 101000 -m 700 /datapool/db/data');
    await vm.writeFile('/srv/db/compose.yaml', postgresCompose);
    await vm.exec('docker compose -f /srv/db/compose.yaml up --wait', { timeoutMs: 240_000 });
    const query = "docker exec db-db-1 psql -U app -d app -Atc 'select 40 + 2'";
    expect((await vm.exec(query)).stdout).toBe('42');
  });

  test('serves with Caddy', async () => {
    await vm.exec('docker run -d --name hub -p 127.0.0.1:8080:80 lab/caddy:1');
    const url = `http://127.0.0.1:${await vm.forward(8080)}/`;
    const body = () =>
      fetch(url)
        .then((response) => response.text())
        .catch(() => '');
    await expect.poll(body, { timeout: 60_000 }).toBe('lab');
  });

  test('gives images other names', async () => {
    await vm.tagImage('lab/busybox:2', 'example/app:2.0');
    expect((await vm.exec('docker run --rm example/app:2.0 cat /etc/lab-release')).stdout).toBe(
      'lab/busybox 2',
    );
  });

  test('reaches Borg and Git by SSH without a question', async () => {
    await vm.exec('borg init -e none ssh://borg@localhost/backup/borg/smoke');
    await vm.exec(
      'cd $(mktemp -d) && git init -q && git commit -qm first --allow-empty && git push -q git@localhost:/srv/git/lab.git HEAD:main',
    );
    expect(await lines('git ls-remote git@localhost:/srv/git/lab.git | cut -f2')).toContain(
      'refs/heads/main',
    );
  });

  test('passes input, environment and exit codes', async () => {
    const options = { input: 'in', env: { WORD: "it's" }, allowFailure: true };
    const result = await vm.exec('cat; echo "$WORD" >&2; exit 7', options);
    expect(result).toEqual({ stdout: 'in', stderr: "it's", exitCode: 7 });
    await expect(vm.exec('echo why >&2; false')).rejects.toThrow(/exit 1: .*\n.*why/s);
  });

  test('carries files there and back', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'lab-test-'));
    await writeFile(join(dir, 'there'), 'and back');
    await vm.push(join(dir, 'there'), '/srv/files');
    await rm(join(dir, 'there'));
    await vm.pull('/srv/files/there', dir);
    expect(await readFile(join(dir, 'there'), 'utf8')).toBe('and back');
    await rm(dir, { recursive: true });
  });

  test('keeps a synced file and both pools through a power cut', async () => {
    await vm.exec('echo kept > /datapool/kept && sync && echo kept > /root/kept && sync /root/kept');
    await vm.powerCut();
    expect(await lines('cat /datapool/kept /root/kept')).toEqual(['kept', 'kept']);
    expect(await lines('zpool list -Ho health')).toEqual(['ONLINE', 'ONLINE']);
  });

  test('is pristine after a reset', async () => {
    await vm.reset();
    expect((await vm.exec('ls -A /datapool /root/kept /srv/db', { allowFailure: true })).stdout).toBe(
      '/datapool:',
    );
    expect((await vm.exec('docker ps -aq')).stdout).toBe('');
  });

  test('runs beside a second one that it shares nothing with', async () => {
    await using other = await startLab();
    await Promise.all([vm.exec('touch /datapool/mine'), other.exec('touch /datapool/theirs')]);
    expect(await lines('ls /datapool')).toEqual(['mine']);
    expect((await other.exec('ls /datapool')).stdout).toBe('theirs');
  });
});

const postgresCompose = `
services:
  db:
    image: lab/postgres:1
    user: "1000:1000"
    environment: { POSTGRES_USER: app, POSTGRES_PASSWORD: secret }
    volumes: ["/datapool/db/data:/var/lib/postgresql/data"]
    healthcheck: { test: ["CMD", "pg_isready", "-U", "app"], interval: 2s, timeout: 10s, retries: 60 }
`;
