import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { commandOf } from '../../reconciler/apply/command.ts';
import type { StepProgress } from '../../reconciler/apply/types.ts';
import { borgLab, createStep, reference } from './backup-fixtures.ts';

const stats = { nfiles: 3, original_size: 50, compressed_size: 40, deduplicated_size: 9 };
const made = {
  archive: { name: 'photo-2026-11-23', id: 'a1', duration: 1.5, start: '2026-11-23T17:14:33.123456', stats },
};
const told = (comment: string) => JSON.stringify({ archives: [{ ...made.archive, comment }] });
const progress = (nfiles: number, at: string) =>
  `echo '{"type":"archive_progress","nfiles":${nfiles},"original_size":${nfiles}0,"path":"${at}"}' >&2`;
const status = (letter: string) => `echo '{"type":"file_status","status":"${letter}","path":"x"}' >&2`;

it('creates the archive out of snapshots that are mounted at a fixed path', async () => {
  const lab = borgLab(`pwd > "$STATE/pwd"; echo '${JSON.stringify(made)}'`);
  await lab.run(createStep(lab.repository));
  const root = path.join(lab.options.runDir, 'backup/photo');
  expect(lab.mounts()).toEqual([
    `-t zfs -o ro datapool/photo@run ${root}`,
    `-t zfs -o ro datapool/photo/db@run ${root}/db`,
  ]);
  expect(lab.calls()).toEqual([
    'create --json --progress --list --filter AMCE --compression zstd --exclude *.tmp --comment run 7 ssh://borg@backup/./photo::photo-2026-11-23 .',
  ]);
  expect(readFileSync(path.join(path.dirname(lab.options.commands.borg), 'pwd'), 'utf8').trim()).toBe(root);
  expect(statSync(root).mode & 0o777).toBe(0o700);
});

it('lets services have the processor first, and a look at the repository does not wait for them', async () => {
  const lab = borgLab(
    `nice > "$STATE/$1"; case "$1" in create) exit 30 ;; info) echo '${told('run 7')}' ;; esac`,
  );
  await lab.run(createStep(lab.repository));
  const nicenessOf = (command: string) =>
    Number(readFileSync(path.join(path.dirname(lab.options.commands.borg), command), 'utf8'));
  expect(nicenessOf('create')).toBeGreaterThan(nicenessOf('info'));
});

it('tells how far it is, and how many files had to be read', async () => {
  const lines = [progress(1, 'a'), status('A'), status('M'), progress(2, 'b'), status('E')].join('\n');
  const lab = borgLab(`${lines}\necho '${JSON.stringify(made)}'`);
  const seen: StepProgress[] = [];
  const facts = await lab.run(createStep(lab.repository), { onProgress: (step) => seen.push(step) });
  expect(seen).toEqual([
    { files: 1, bytes: 10, totalBytes: null, at: 'a' },
    { files: 2, bytes: 20, totalBytes: null, at: 'b' },
  ]);
  expect(facts).toEqual({
    archive: {
      name: 'photo-2026-11-23',
      id: 'a1',
      files: 3,
      filesRead: 2,
      originalBytes: 50,
      compressedBytes: 40,
      deduplicatedBytes: 9,
      durationMs: 1500,
      startMs: Date.parse('2026-11-23T17:14:33Z'),
      warnings: [],
    },
  });
});

it('an archive in a repository that somebody has exchanged is none', async () => {
  const elsewhere = JSON.stringify({ ...made, repository: { id: 'another' } });
  const lab = borgLab(`echo '${elsewhere}'`);
  await expect(lab.run(createStep(lab.repository, { repositoryId: 'one' }))).rejects.toThrow(
    'the repository at ssh://borg@backup/./photo is not the one that was there before; photo-2026-11-23 was made in it all the same',
  );
  await lab.run(createStep(lab.repository, { repositoryId: 'another' }));
  await lab.run(createStep(lab.repository));
});

const warning = `echo '{"type":"log_message","levelname":"WARNING","message":"x: changed","name":"borg"}' >&2`;

it.each([
  [100, ['x: changed']],
  // The greeting of a server, say.
  [0, []],
])('a warning counts when borg ends with one: %i', async (code, warnings) => {
  const lab = borgLab(`${warning}\necho '${JSON.stringify(made)}'; exit ${code}`);
  const facts = await lab.run(createStep(lab.repository));
  expect(facts).toMatchObject({ archive: { warnings } });
});

it('an archive that an earlier attempt has made is taken, with a doubt', async () => {
  const lab = borgLab(`case "$1" in create) exit 30 ;; info) echo '${told('run 7')}' ;; esac`);
  const facts = await lab.run(createStep(lab.repository));
  expect(facts).toMatchObject({
    archive: { id: 'a1', files: 3, warnings: [expect.stringContaining('earlier attempt')] },
  });
});

it('an archive of another run is not taken for it', async () => {
  const lab = borgLab(`case "$1" in create) exit 30 ;; info) echo '${told('run 6')}' ;; esac`);
  await expect(lab.run(createStep(lab.repository))).rejects.toMatchObject({
    message: 'an archive named photo-2026-11-23 exists that this run has not made',
    retryable: false,
  });
});

it('an earlier attempt may have been made while owners had other numbers, which are its own then', async () => {
  const lab = borgLab(
    `case "$1" in create) exit 30 ;; info) echo '${told('steward: a; userns none')}' ;; esac`,
  );
  const now = 'steward: a; userns uid=100000+65536 gid=100000+65536';
  expect(await lab.run(createStep(lab.repository, { comment: now }))).toMatchObject({
    archive: { id: 'a1' },
  });
  await expect(lab.run(createStep(lab.repository, { comment: now.replace('a;', 'b;') }))).rejects.toThrow(
    'exists that this run has not made',
  );
});

it('nothing is uploaded where a snapshot cannot be mounted', async () => {
  const lab = borgLab('', 'echo "filesystem cannot be mounted" >&2; exit 1');
  await expect(lab.run(createStep(lab.repository))).rejects.toThrow(
    'the snapshots of photo could not be mounted: filesystem cannot be mounted',
  );
  expect(lab.calls()).toEqual([]);
});

it('is shown as the line that a person would type', () => {
  expect(commandOf(createStep({ ...reference, location: '/backup/photo' }, { excludes: [] }))).toBe(
    `unshare --mount --propagation private sh -c '{ mount -t zfs -o ro datapool/photo@run /run/steward/backup/photo && mount -t zfs -o ro datapool/photo/db@run /run/steward/backup/photo/db && cd /run/steward/backup/photo; } || exit 240; exec borg create --json --progress --list --filter AMCE --compression zstd --comment '\\''run 7'\\'' /backup/photo::photo-2026-11-23 .'`,
  );
});
