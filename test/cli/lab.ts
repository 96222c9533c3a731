import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';

/** A small config repository with a bare remote, as on a home server; everything below one temporary folder. */
export interface Lab {
  root: string;
  remote: string;
  stateDir: string;
  /** Flags that every command on this lab needs. */
  flags: string[];
  /** Those that a command needs which only reads what is kept of it. */
  kept: string[];
  /** Writes (null: removes) files, commits and pushes. Returns the id of the commit. */
  commit(subject: string, files: Record<string, string | null>): Promise<string>;
  remove(): void;
}

export const labYaml = `version: 1
name: homelab
storage: { parent: datapool/services, mountpoint: /datapool/services }
`;

export const compose = (name: string, image: string): string => `services:
  ${name}:
    image: ${image}
    container_name: ${name}
    restart: unless-stopped
    user: "1000:1000"
    networks: [${name}_net]
    volumes:
      - /datapool/services/${name}/data:/data
      - ./site.conf:/etc/site.conf:ro
networks:
  ${name}_net: { external: true }
`;

export function serviceFiles(name: string, image = `${name}:1`): Record<string, string> {
  const folder = `services/${name}`;
  return {
    [`${folder}/docker-compose.yml`]: compose(name, image),
    [`${folder}/site.conf`]: 'greeting = hello\n',
  };
}

export async function newLab(names: string[] = ['blog', 'wiki']): Promise<Lab> {
  const root = mkdtempSync(join(tmpdir(), 'steward-cli-'));
  const [work, remote, stateDir] = [join(root, 'work'), join(root, 'lab.git'), join(root, 'state')];
  await git(root, 'init', '--quiet', '--bare', '--initial-branch=main', remote);
  await git(root, 'clone', '--quiet', remote, work);
  const kept = ['--host', 'simulator', '--state-dir', stateDir];
  const flags = ['--host', 'simulator', '--repo', remote, '--state-dir', stateDir];
  const commit: Lab['commit'] = async (subject, files) => {
    for (const [file, content] of Object.entries(files)) put(join(work, file), content);
    await git(work, 'add', '--all');
    await git(work, 'commit', '--quiet', '--allow-empty', '--cleanup=verbatim', '--message', subject);
    await git(work, 'push', '--quiet', 'origin', 'HEAD:main');
    return (await git(work, 'rev-parse', 'HEAD')).stdout;
  };
  await commit('First', Object.assign({ 'lab.yaml': labYaml }, ...names.map((name) => serviceFiles(name))));
  return {
    root,
    remote,
    stateDir,
    flags,
    kept,
    commit,
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

function put(path: string, content: string | null): void {
  mkdirSync(dirname(path), { recursive: true });
  if (content === null) rmSync(path, { recursive: true });
  else writeFileSync(path, content);
}

/** What a clock that was ahead once has left in a repository of the simulated host: a copy of `archive`, called `ahead`. */
export async function leaveFromAhead({ stateDir }: Lab, archive: string, ahead: string): Promise<void> {
  const file = join(stateDir, 'simulated-host');
  const entries = readFileSync(file, 'utf8').split('\n').slice(1).filter(Boolean).flatMap(entriesOf);
  const [table, key, value] = entries.findLast(([, each]) => each.endsWith(`::${archive}`)) ?? ['', '', {}];
  const copy = { ...value, name: ahead, id: ahead, atMs: Date.parse(ahead.slice(-20)) };
  appendFileSync(file, `${JSON.stringify([[table, key.replace(archive, ahead), copy]])}\n`);
}

function entriesOf(line: string) {
  return JSON.parse(line) as [table: string, key: string, value: object][];
}

/** Git with no settings of this machine. */
export function git(cwd: string, ...args: string[]) {
  const env = {
    ...{ GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' },
    ...{ GIT_AUTHOR_NAME: 'Ada', GIT_AUTHOR_EMAIL: 'ada@homelab.lan' },
    ...{ GIT_COMMITTER_NAME: 'Ada', GIT_COMMITTER_EMAIL: 'ada@homelab.lan' },
  };
  return execa('git', args, { cwd, env, timeout: 20_000 });
}
