import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import type { Manifest, Step } from '../../reconciler/types.ts';
import { fakeTool } from '../support/fake-tools.ts';
import { createStep, reference } from './backup-fixtures.ts';

/** Real borg on local folders (1.2 or 1.4, package borgbackup); mounts and ZFS are stood in for. */

export type ProofLab = ReturnType<typeof proofLab>;

export const archive = 'photo-2026-11-23T02:30:00Z';
const mounts = [{ snapshot: 'pool/photo@x', below: '' }];

/** `mounting`: what `mount` does. */
export function proofLab(mounting = 'true') {
  const folder = mkdtempSync(path.join(tmpdir(), 'proof-'));
  const at = (name: string) => path.join(folder, name);
  for (const name of ['run/backup/photo/database', 'restored']) mkdirSync(at(name), { recursive: true });
  for (let file = 0; file < 80; file += 1)
    writeFileSync(at(`run/backup/photo/database/it's file ${file}`), `row ${file}`);
  writeFileSync(at('run/backup/photo/top'), Buffer.alloc(3_000_000, 7));
  chmodSync(at('run/backup/photo/top'), 0o4640);
  const unshare = fakeTool('while [ "$1" != sh ]; do shift; done; exec "$@"').command;
  const commands = { unshare, mount: fakeTool(mounting).command };
  const mountpoint = at('restored');
  const executor = hostExecutor({
    commands,
    stateDir: at('state'),
    runDir: at('run'),
    readMountinfo: async () =>
      `${await mountIdOf(mountpoint)} 1 0:1 / ${mountpoint} rw - zfs pool/scratch rw\n`,
  });
  const repository = { ...reference, location: at('repository'), encryption: 'none' };
  const run = (step: Step) => executor.execute(step, {});
  const guard = { dataset: 'pool/scratch', mountpoint };
  return {
    at,
    repository,
    mountpoint,
    run,
    snapshot: at('run/backup/photo'),
    async archived(excludes: string[] = []) {
      const env = { ...process.env, BORG_BASE_DIR: at('other') };
      execFileSync('borg', ['init', '-e', 'none', repository.location], { env });
      await run(createStep(repository, { archive, mounts, excludes, compression: 'none' }));
    },
    /** What the step tells. */
    takes: (excludes: string[] = []) =>
      run({ op: 'borg-manifest', repository, archive, at: 'photo', mounts, excludes }),
    async manifest(excludes: string[] = []): Promise<Manifest> {
      const taken = (await this.takes(excludes))?.manifest;
      if (taken === undefined) throw new Error('no manifest');
      return taken;
    },
    restore: () => run({ op: 'borg-extract-scratch', repository, archive, guard }),
    compare: (manifest: Manifest) => run({ op: 'borg-compare', repository, guard, manifest }),
  };
}

async function mountIdOf(folder: string): Promise<number> {
  const handle = await open(folder);
  try {
    const info = readFileSync(`/proc/self/fdinfo/${handle.fd}`, 'utf8');
    return Number(/mnt_id:\s*(\d+)/.exec(info)?.[1]);
  } finally {
    await handle.close();
  }
}
