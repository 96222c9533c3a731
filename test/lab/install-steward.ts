/** Puts this checkout's Steward into a lab server. */
import { execa } from 'execa';
import { repositoryRoot } from './paths.ts';
import { ensureStewardLayer, stewardDir } from './steward-layer.ts';
import { type LabVm, startLab } from './vm.ts';

/** A server in which `steward` of this checkout can be called; see {@link startLab}. */
export async function startStewardLab(): Promise<LabVm> {
  const vm = await startLab({ saved: await ensureStewardLayer() });
  try {
    await installSteward(vm);
  } catch (error) {
    await vm.shutdown();
    throw error;
  }
  // Whoever resets a server with Steward wants Steward in it again.
  return {
    ...vm,
    async reset() {
      await vm.reset();
      await installSteward(vm);
    },
  };
}

/**
 * Copies the source files of this checkout, committed or not, without the tests, to /opt/steward. The
 * server must stem from {@link ensureStewardLayer}: Node and node_modules are there already.
 */
export async function installSteward(vm: LabVm): Promise<void> {
  const files = await sourceFiles();
  const pack = ['-C', repositoryRoot, '--no-recursion', '--null', '--files-from=-'];
  await vm.pushTar(pack, stewardDir, files.join('\0'));
}

async function sourceFiles(): Promise<string[]> {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'];
  const all = await execa('git', list, { cwd: repositoryRoot, timeout: 20_000 });
  const gone = await execa('git', ['ls-files', '-z', '--deleted'], { cwd: repositoryRoot, timeout: 20_000 });
  const deleted = new Set(gone.stdout.split('\0'));
  return all.stdout.split('\0').filter((file) => file && !file.startsWith('test/') && !deleted.has(file));
}
