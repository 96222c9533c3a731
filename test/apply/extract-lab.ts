import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import type { OwnerMove } from '../../reconciler/owners/move.ts';
import type { BorgExtract } from '../../reconciler/types.ts';
import { reference } from './backup-fixtures.ts';

/** Real files in a folder that the list of mounts calls a dataset, and real borg on a local folder. */
export function extractLab() {
  const folder = mkdtempSync(path.join(tmpdir(), 'apply-extract-'));
  const mountpoint = path.join(folder, 'photo');
  const repository = { ...reference, location: path.join(folder, 'repository'), encryption: 'none' };
  const guard = { dataset: 'pool/photo', mountpoint };
  const mounts = [{ guard, below: '' }];
  const executor = () => {
    const line = `${mountIdOf(mountpoint)} 28 0:45 / ${mountpoint} rw shared:5 - zfs ${guard.dataset} rw\n`;
    return hostExecutor({ stateDir: path.join(folder, 'state'), readMountinfo: async () => line });
  };
  return {
    mountpoint,
    guard,
    mounts,
    executor,
    repository,
    /** Makes `archive` of what is there. */
    archive: () => {
      const env = { ...process.env, BORG_BASE_DIR: path.join(folder, 'borg-by-hand') };
      const run = (...args: string[]) => execFileSync('borg', args, { env, cwd: mountpoint, stdio: 'pipe' });
      run('init', '-e', 'none', repository.location);
      run('create', `${repository.location}::all`, '.');
    },
    extract: async (over: Partial<BorgExtract> = {}) => {
      const from = { repository, archive: 'all', paths: [] };
      const step: BorgExtract = { op: 'borg-extract', ...from, mounts, owners: null, ...over };
      await executor().execute(step, {});
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Those of the host become those of its containers. */
export const owners: OwnerMove = {
  uid: [{ first: 0, count: 65_536, to: 100_000 }],
  gid: [{ first: 0, count: 65_536, to: 100_000 }],
  hostTops: [],
};

function mountIdOf(directory: string): string {
  const fd = openSync(directory, 'r');
  const id = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '';
  closeSync(fd);
  return id;
}
