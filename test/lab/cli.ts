/** The lab by hand: `node test/lab/cli.ts build|shell|exec|destroy`. One server that stays until destroyed. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { installSteward } from './install-steward.ts';
import { createMachine, type Machine, removeMachine, type Saved, targetOf } from './machine.ts';
import { cacheRoot } from './paths.ts';
import { sshArguments } from './ssh.ts';
import { ensureStewardLayer } from './steward-layer.ts';
import { labVmOf } from './vm.ts';
import { isOurQemu, readRecord } from './vm-record.ts';

const usage = `usage: node test/lab/cli.ts <command>
  build        build what the cache does not have
  shell        a root shell in a server with this checkout's steward; started if none runs
  exec 'cmd'   one command in that server
  update       copy this checkout's steward into that server again
  destroy      throw that server away`;

type Kept = { readonly dir: string; readonly saved: Saved };

const keptFile = () => join(cacheRoot(), 'kept.json');

async function findKept(): Promise<Machine | undefined> {
  if (!existsSync(keptFile())) return undefined;
  const { dir, saved } = JSON.parse(await readFile(keptFile(), 'utf8')) as Kept;
  const record = await readRecord(dir);
  if (record && (await isOurQemu(record))) return { record, saved, target: targetOf(record, saved) };
  await rm(keptFile());
  return undefined;
}

async function startOrFind(): Promise<Machine> {
  const running = await findKept();
  if (running) return running;
  const saved = await ensureStewardLayer();
  const machine = await createMachine(saved, true);
  await mkdir(cacheRoot(), { recursive: true });
  await writeFile(keptFile(), JSON.stringify({ dir: machine.record.dir, saved } satisfies Kept));
  await installSteward(labVmOf(machine));
  process.stderr.write(`lab: ${basename(machine.record.dir)} runs; SSH on port ${machine.record.sshPort}\n`);
  return machine;
}

/** An SSH session on this terminal; its exit code. */
function session(machine: Machine, command: readonly string[]): number {
  const terminal = process.stdin.isTTY && command.length === 0 ? ['-t'] : [];
  const args = [...terminal, ...sshArguments(machine.target), ...command];
  return spawnSync('ssh', args, { stdio: 'inherit' }).status ?? 255;
}

const commands: Record<string, (args: readonly string[]) => Promise<number>> = {
  async build() {
    const { dir } = await ensureStewardLayer();
    process.stdout.write(`${dir}\n`);
    return 0;
  },
  shell: async () => session(await startOrFind(), []),
  exec: async (args) => session(await startOrFind(), ['--', ...args]),
  async update() {
    await installSteward(labVmOf(await startOrFind()));
    return 0;
  },
  async destroy() {
    const machine = await findKept();
    if (machine) await removeMachine(machine);
    await rm(keptFile(), { force: true });
    return 0;
  },
};

const [name = '', ...args] = process.argv.slice(2);
const command = commands[name];
if (command) {
  process.exitCode = await command(args).catch((error: Error) => {
    process.stderr.write(`${error.message}\n`);
    return 1;
  });
} else {
  process.stderr.write(`${usage}\n`);
  process.exitCode = 2;
}
