import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import type { ProofStep } from '../../reconciler/types.ts';
import { fakeTool } from '../support/fake-tools.ts';

const model = JSON.stringify({ name: 'photo', services: { db: { image: 'postgres:17' } } });

/** A drill on a mounted dataset, with a compose whose `up` fails with these words. */
function drillWith(words: string) {
  const docker = fakeTool(
    `case "$*" in *" config "*) echo '${model}' ;; *) cat > /dev/null; echo '${words}' >&2; exit 1 ;; esac`,
  );
  const mountpoint = mkdtempSync(path.join(tmpdir(), 'apply-drill-'));
  const step: ProofStep = {
    ...{ op: 'drill-start', service: 'photo', project: 'steward-drill-photo', archive: 'photo-1' },
    stack: { project: 'photo', directory: '/srv/photo', files: [], envFiles: [], override: null },
    ...{ from: '/data/photo', oneShots: [], timeoutSeconds: 1 },
    guard: { dataset: 'tank/scratch', mountpoint },
  };
  const mount = `${mountIdOf(mountpoint)} 28 0:45 / ${mountpoint} rw - zfs tank/scratch rw\n`;
  const commands = { docker: docker.command };
  return hostExecutor({ commands, readMountinfo: async () => mount }).execute(step, {});
}

function mountIdOf(folder: string): string {
  const fd = openSync(folder, 'r');
  const id = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '';
  closeSync(fd);
  return id;
}

it('tells a database that dies on what was restored: that is what the drill is for', async () => {
  const words = 'dependency failed to start: container steward-drill-photo-db-1 exited (2)';
  const difference =
    'photo-1 restores to what was archived, and photo does not get well on it: container steward-drill-photo-db-1 exited (2)';
  expect(await drillWith(words)).toMatchObject({ drill: { difference }, failed: difference });
});

it('fails where compose itself does, since that says nothing about the archive', async () => {
  await expect(drillWith('Error response from daemon: no such image')).rejects.toThrow('no such image');
});
