/** The first layer: the installed server as a disk, its kernel and the key that opens it. */
import { chmod, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { debianMirror, diesWithUs, ensureHostTools, requireRoot } from './host-tools.ts';
import { ensureLayer, hashOfFiles, log } from './layer.ts';
import { diskFile, recipeDir } from './paths.ts';

const buildTimeoutMs = 40 * 60_000;
const diskSize = '8G';

/** Directory with root.qcow2, vmlinuz, initrd.img and key; built where the cache does not have it. */
export async function ensureSystemLayer(): Promise<{ dir: string; hash: string }> {
  const hash = await hashOfFiles(join(recipeDir, 'system'));
  const dir = await ensureLayer({ name: 'system', hash, build });
  return { dir, hash };
}

async function build(dir: string): Promise<void> {
  requireRoot();
  await ensureHostTools();
  const rootfs = join(dir, 'rootfs');
  await buildRootFileSystem(dir, rootfs);
  await takeKernel(rootfs, dir);
  await authoriseNewKey(rootfs, join(dir, 'key'));
  await makeDisk(rootfs, dir);
  await rm(rootfs, { recursive: true });
}

async function buildRootFileSystem(dir: string, rootfs: string): Promise<void> {
  const logFile = join(dir, 'build.log');
  const script = join(recipeDir, 'system/build-rootfs.sh');
  log('installing Debian and compiling ZFS, 5 to 10 minutes');
  // Own mounts and processes: both are gone when this ends, however it ends.
  const isolate = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const [file, ...args] = diesWithUs('unshare', ...isolate, 'sh', script, rootfs, await debianMirror());
  const result = await execa(file, args, {
    stdin: 'ignore',
    all: true,
    timeout: buildTimeoutMs,
    reject: false,
  });
  const handle = await open(logFile, 'w');
  await handle.writeFile(result.all);
  await handle.close();
  if (result.failed) throw new Error(`lab: ${script} failed:\n${result.all.slice(-3000)}`);
}

async function takeKernel(rootfs: string, dir: string): Promise<void> {
  const boot = join(rootfs, 'boot');
  for (const file of await readdir(boot)) {
    const name = /^(vmlinuz|initrd\.img)-/.exec(file)?.[1];
    if (name) await rename(join(boot, file), join(dir, name));
  }
}

async function authoriseNewKey(rootfs: string, keyFile: string): Promise<void> {
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'lab', '-f', keyFile], {
    timeout: 10_000,
  });
  const authorised = join(rootfs, 'root/.ssh/authorized_keys');
  await mkdir(join(rootfs, 'root/.ssh'), { recursive: true, mode: 0o700 });
  await execa('cp', [`${keyFile}.pub`, authorised], { timeout: 10_000 });
  await chmod(authorised, 0o600);
}

/** ext4 filled from the directory without a loop device. */
async function makeDisk(rootfs: string, dir: string): Promise<void> {
  const raw = join(dir, 'root.img');
  const options = { timeout: 10 * 60_000, env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` } };
  await execa('mke2fs', ['-q', '-t', 'ext4', '-L', 'root', '-d', rootfs, raw, diskSize], options);
  await execa('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, diskFile(dir, 'root')], options);
  await rm(raw);
}
