import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { styleText } from 'node:util';
import { runOk } from '../../tools/run.ts';
import { simulatedHost } from '../host.ts';

/**
 * `npm run demo`: the main job on a simulated host, without root, Docker or ZFS. Everything that is printed comes
 * from the very commands that a server runs; only the host is simulated.
 */
const root = new URL('../../', import.meta.url).pathname;
const home = join(root, '.steward/demo');
const bare = join(home, 'lab.git');
const work = join(home, 'lab');
const state = join(home, 'state');

await main();

async function main(): Promise<void> {
  await makeRepository();
  say('A Git repository with five services, and a server with an empty ZFS pool. What would change?');
  await steward('plan');
  say('Do it.');
  await steward('reconcile', '--once');
  say('The second time there is nothing to do.');
  await steward('plan');
  await upgradeGitea();
  say('A commit changes one image. Meanwhile a database is killed, and somebody overrides a ZFS property.');
  drift();
  await steward('plan');
  await steward('reconcile', '--once');
  await steward('plan');
  say('What happened to the Git service, and why?');
  await steward('why', 'compose-stack:git');
  farewell();
}

/** Afresh each time: the repository, a clone to work in, the state folder with the simulated host. */
async function makeRepository(): Promise<void> {
  rmSync(home, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  for (const name of ['lab.yaml', 'services', 'schemas'])
    cpSync(join(root, name), join(work, name), { recursive: true });
  await git('init', '-q', '--bare', '-b', 'main', bare);
  await git('init', '-q', '-b', 'main', work);
  await inWork('remote', 'add', 'origin', bare);
  // What is said at the end is to work as it stands, also where Git has never heard of anybody.
  await inWork('config', 'user.name', 'You');
  await inWork('config', 'user.email', 'you@homelab.lan');
  await commit('The lab');
}

async function upgradeGitea(): Promise<void> {
  const file = join(work, 'services/git/docker-compose.yml');
  const before = readFileSync(file, 'utf8');
  const after = before.replace(
    /(image: *\S*gitea\/gitea:\d+\.\d+\.)(\d+)/,
    (_all, head, patch) => `${head}${Number(patch) + 1}`,
  );
  if (after === before) throw new Error(`${file} names no image of Gitea that the demo could upgrade`);
  writeFileSync(file, after);
  await commit('Upgrade Gitea');
}

function drift(): void {
  const host = simulatedHost({
    file: join(state, 'simulated-host'),
    now: Date.now,
    resolveStack: async () => [],
  });
  host.drift({ drift: 'killContainer', name: 'photo-immich-database' });
  host.drift({
    drift: 'overrideProperty',
    dataset: 'datapool/services/photo/library',
    property: 'recordsize',
    value: '131072',
  });
}

async function commit(message: string): Promise<void> {
  await inWork('add', '-A');
  await inWork('commit', '-q', '-m', message);
  await inWork('push', '-q', '-u', 'origin', 'main');
}

function inWork(...args: string[]): Promise<string> {
  return git('-C', work, ...args);
}

function git(...args: string[]): Promise<string> {
  return runOk('git', args);
}

function say(text: string): void {
  process.stdout.write(`\n${styleText('bold', `# ${text}`)}\n`);
}

/** Prints the command as one would type it here, and runs it on this terminal. */
async function steward(...args: string[]): Promise<void> {
  const options = optionsFor(args[0] ?? '');
  process.stdout.write(`${styleText('dim', `$ steward ${[...args, ...options].join(' ')}`)}\n`);
  const file = join(root, 'bin/steward.mjs');
  await new Promise<void>((resolve, reject) => {
    const child = spawn(process.execPath, [file, ...args, ...options], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child.on('error', reject);
    child.on('exit', () => resolve());
  });
}

function optionsFor(command: string): string[] {
  const at = ['--host', 'simulator', '--state-dir', relative(root, state)];
  return command === 'why' ? at : ['--repo', relative(root, bare), ...at];
}

function farewell(): void {
  const options = optionsFor('plan').join(' ');
  process.stdout.write(`
${styleText('bold', '# Now you: change something, push, and look.')}
cd ${relative(process.cwd(), work) || '.'}   # edit services/…, git commit -am 'Try something', git push
npm run -s steward -- plan ${options}
npm run -s steward -- reconcile --once ${options}
npm run -s steward -- reconcile ${options}   # the loop: each push is applied at once
`);
}
