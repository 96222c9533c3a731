import { constants } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

/**
 * The whole new content or the whole old one, on the disk, whoever reads meanwhile; `mode` whatever the umask. What
 * somebody else has put in the way is never written through: a link goes, and is not followed. Throws as node:fs does.
 */
export async function replaceFile(file: string, text: string, mode: number): Promise<void> {
  const beside = path.join(path.dirname(file), `.${path.basename(file)}.partial`);
  try {
    await rm(beside, { force: true });
    const handle = await open(beside, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, mode);
    try {
      await handle.writeFile(text);
      await handle.chmod(mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, file);
  } catch (error) {
    await rm(beside, { force: true }).catch(() => {});
    throw error;
  }
}
