import { mkdir, opendir } from 'node:fs/promises';
import path from 'node:path';
import { isMounted, mountArchive } from '../../tools/borg/mount.ts';
import { run } from '../../tools/run.ts';
import { alone } from '../archives/ask.ts';
import { withBackup } from '../archives/context.ts';
import { archiveToRead } from '../archives/known.ts';
import { folderOutside, withoutLinks } from '../archives/outside.ts';
import { UserError } from '../errors.ts';
import type { Flags } from '../settings.ts';
import { note } from '../terminal.ts';

/** Shows an archive as a folder until Ctrl-C or `steward umount`. Exit 0: it was there, and is gone again. */
export function mount(name: string, archive: string, folder: string, flags: Flags): Promise<number> {
  return withBackup(name, flags, 'mount', async (context) => {
    const { cycle, wired, settings, signal, deps } = context;
    const outside = await folderOutside(folder, cycle, wired.store);
    if (settings.host === 'simulator')
      throw new UserError('archives of the simulated host have no files to look at');
    const place = await emptyFolder(outside);
    const { found, context: there } = await archiveToRead(archive, context);
    const { repository } = there.desired;
    const target = { repository, archive: found.name, folder: place };
    const tell = () =>
      note(
        `${found.name} is at ${place}, to be read only. Ctrl-C or steward umount ${place} ends it; until then ${name} is not backed up.`,
      );
    await alone(repository, deps, () => mountArchive(target, { stateDir: settings.stateDir, signal }, tell));
    return 0;
  });
}

async function emptyFolder(folder: string): Promise<string> {
  if (await isMounted(folder))
    throw new UserError(`an archive is mounted at ${folder} already; steward umount ${folder} ends that`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for await (const { name } of await opendir(folder))
    throw new UserError(`${folder} is not empty (${name}); an archive is mounted on an empty folder`);
  return folder;
}

/** Ends a mount of an archive, also one whose Steward was killed. Exit 0: it is gone. */
export async function umount(folder: string): Promise<number> {
  const place = await withoutLinks(path.resolve(folder));
  if (!(await isMounted(place))) throw new UserError(`no archive is mounted at ${place}`);
  const { exitCode, stderr } = await run('umount', ['--', place], { timeoutMs: 30_000 });
  if (exitCode === 0) return 0;
  throw new UserError(`${place} is still in use: ${stderr.trim()}`);
}
