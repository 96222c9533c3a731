/** A lab server with Steward, and what a person does with it: push, reconcile, look. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { startStewardLab } from '../../install-steward.ts';
import type { ExecResult, LabVm } from '../../vm.ts';
import { type Container, containersIn } from './containers.ts';
import type { Files } from './lab-files.ts';
import type { CycleJson, HistoryJson, StatusJson } from './output.ts';

/** The server's own Git over SSH: what a person pushes to. */
export const overSsh = 'ssh://git@localhost/srv/git/lab.git';
/** A bare repository on the same disk: quicker to push to and to fetch from, and it can be watched. */
export const onDisk = '/srv/lab.git';
/** The clone of the person who pushes; in the server, since nothing else can reach its SSH. */
const clone = '/root/config';

const commandTimeoutMs = 18 * 60_000;

export interface Homelab extends AsyncDisposable {
  vm: LabVm;
  /** Writes the files, commits and pushes over SSH. The new commit's id. */
  push(files: Files, message?: string): Promise<string>;
  /** Any sub-command; never throws for its exit code. */
  steward(args: string): Promise<ExecResult>;
  /** `reconcile --once --output json`. */
  reconcile(): Promise<{ exitCode: number; cycle: CycleJson }>;
  /** The same, and must converge with exit 0. */
  converge(): Promise<CycleJson>;
  plan(): Promise<{ exitCode: number; plan: CycleJson }>;
  status(): Promise<{ exitCode: number; status: StatusJson }>;
  why(id: string): Promise<HistoryJson>;
  containers(): Promise<Record<string, Container>>;
  /** Standard output of a command in the server that must succeed. */
  run(command: string): Promise<string>;
}

/** Starts a server of its own. `repository`: what is pushed to and what Steward follows. */
export async function startHomelab(repository: typeof overSsh | typeof onDisk = onDisk): Promise<Homelab> {
  const vm = await startStewardLab();
  try {
    await prepare(vm, repository);
  } catch (error) {
    await vm.shutdown();
    throw error;
  }
  return homelabOf(vm);
}

async function prepare(vm: LabVm, repository: string): Promise<void> {
  await vm.writeFile('/etc/steward/steward.yaml', `repository: ${repository}\nbranch: main\n`);
  await vm.exec(`git init -q --bare -b main ${onDisk}`);
  await vm.exec(`git init -q -b main ${clone} && git -C ${clone} remote add origin ${repository}`);
}

function homelabOf(vm: LabVm): Homelab {
  const steward = (args: string) =>
    vm.exec(`steward ${args}`, { allowFailure: true, timeoutMs: commandTimeoutMs });
  const reconcile = async () => {
    const { exitCode, json } = parsed<CycleJson>(await steward('reconcile --once --output json'));
    return { exitCode, cycle: json };
  };
  return {
    vm,
    steward,
    reconcile,
    push: (files, message = 'A change') => push(vm, files, message),
    async converge() {
      const { exitCode, cycle } = await reconcile();
      expect(troubles(cycle)).toEqual([]);
      expect(exitCode).toBe(0);
      return cycle;
    },
    async plan() {
      const { exitCode, json } = parsed<CycleJson>(await steward('plan --output json'));
      return { exitCode, plan: json };
    },
    async status() {
      const { exitCode, json } = parsed<StatusJson>(await steward('status --output json'));
      return { exitCode, status: json };
    },
    async why(id) {
      return parsed<HistoryJson>(await steward(`why ${id} --output json`)).json;
    },
    containers: () => containersIn(vm),
    run: async (command) => (await vm.exec(command, { timeoutMs: commandTimeoutMs })).stdout,
    [Symbol.asyncDispose]: () => vm.shutdown(),
  };
}

/** Everything a cycle has to complain about, so that a failed test says what went wrong. */
function troubles(cycle: CycleJson): unknown[] {
  const failed = (cycle.outcomes ?? []).filter((outcome) => outcome.result !== 'applied');
  const errors = (cycle.problems ?? []).filter((problem) => problem.severity === 'error');
  return [
    ...failed,
    ...cycle.blocked,
    ...(cycle.reports ?? []).filter(({ state }) => state === 'degraded'),
    ...errors,
    ...(cycle.held ? [cycle.held] : []),
    ...[cycle.loadError, cycle.fetchError].filter(Boolean),
  ];
}

function parsed<T>(result: ExecResult): { exitCode: number; json: T } {
  try {
    return { exitCode: result.exitCode, json: JSON.parse(result.stdout) as T };
  } catch {
    throw new Error(`exit ${result.exitCode}, no JSON:\n${result.stdout}\n${result.stderr}`);
  }
}

async function push(vm: LabVm, files: Files, message: string): Promise<string> {
  await remove(
    vm,
    Object.keys(files).filter((path) => files[path] === null),
  );
  await write(vm, files);
  const commands = [
    `cd ${clone}`,
    'git add -A',
    `git commit -qm "${message}"`,
    'git push -q origin main',
    'git rev-parse HEAD',
  ];
  return (await vm.exec(commands.join(' && '))).stdout.trim();
}

async function remove(vm: LabVm, paths: string[]): Promise<void> {
  if (paths.length > 0) await vm.exec(`cd ${clone} && rm -r ${paths.join(' ')}`);
}

/** All in one go: a connection a file would take a second each. */
async function write(vm: LabVm, files: Files): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'lab-e2e-'));
  try {
    for (const [path, content] of Object.entries(files)) {
      if (content === null) continue;
      await mkdir(dirname(join(dir, path)), { recursive: true });
      await writeFile(join(dir, path), content);
    }
    await vm.pushTar(['-C', dir, '.'], clone);
  } finally {
    await rm(dir, { recursive: true });
  }
}
