import { appendFileSync, chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { vi } from 'vitest';
import { runAsked, type Wanted } from '../../cli/backup-now.ts';
import { lookFrom } from '../../cli/last-good.ts';
import { readSettings } from '../../cli/settings.ts';
import { gitSource } from '../../cli/source.ts';
import type { Wired } from '../../cli/wire.ts';
import { dockerComposeReader } from '../../desired-state/compose/docker-compose.ts';
import { openRepository } from '../../desired-state/repository.ts';
import { hostObserver } from '../../observers/host.ts';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import { textCache } from '../../reconciler/state/cache.ts';
import { openStore } from '../../reconciler/state/store.ts';
import type { AskedFor } from '../../reconciler/world.ts';
import { type Clock, systemClock } from '../../tools/clock.ts';
import { type FakeDockerApi, fakeDockerApi } from '../support/fake-docker-api.ts';
import type { Lab } from './lab.ts';
import { borgScript, composeScript, dockerAnswer, mountLine, zfsScript } from './traced-tools.ts';

/**
 * A host whose tools are scripts that note how they are called: one list for child processes and for Docker's API, in
 * the order of the calls. Git is the real one.
 */
export interface TracedHost extends AsyncDisposable {
  /** `steward backup run NAME…`, a day after the last one, with nothing kept in memory. */
  backup(...names: string[]): Promise<number>;
  /** The same of `steward backup check NAME…`. */
  check(...names: string[]): Promise<number>;
  /** Since the last look. */
  calls(): string[];
  /** Told of each call of Docker's API. */
  onCall: (call: string) => void;
  /** Services whose containers somebody has made anew. */
  replaced: Set<string>;
}

/** `signal`: Steward is told to stop. */
export async function tracedHost(lab: Lab, services: string[], signal?: AbortSignal): Promise<TracedHost> {
  const log = join(lab.root, 'calls');
  const tools = tracedTools(lab, services, log);
  const docker = await fakeDockerApi((call) => {
    const line = `docker ${call.replace(/\?.*/, '')}`;
    appendFileSync(log, `${line}\n`);
    host.onCall(line);
    return dockerAnswer(call, lab, services, host.replaced);
  });
  // One by hand stays for a day: each goes with the next.
  let nowMs = Date.UTC(2026, 10, 23, 10);
  const wire = () => {
    const clock = { ...systemClock, now: () => nowMs };
    return wired(lab, services, { tools, docker, clock, ...(signal === undefined ? {} : { signal }) });
  };
  const asked = async (names: string[], what: AskedFor) => {
    nowMs += 25 * 3_600_000;
    return await askedFor(names, what, lab, wire());
  };
  await promoted(wire());
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const host: TracedHost = {
    onCall: () => {},
    replaced: new Set(),
    backup: (...names) => asked(names, 'archive'),
    check: (...names) => asked(names, 'check'),
    calls() {
      const lines = readFileSync(log, 'utf8').split('\n').filter(Boolean);
      writeFileSync(log, '');
      return lines;
    },
    async [Symbol.asyncDispose]() {
      vi.restoreAllMocks();
      tools.forget();
      await docker[Symbol.asyncDispose]();
    },
  };
  return host;
}

type Tools = ReturnType<typeof tracedTools>;

/** Those that take no path of their own are found in a folder before all others. */
function tracedTools(lab: Lab, services: string[], log: string) {
  const { PATH = '' } = process.env;
  const bin = join(lab.root, 'bin');
  mkdirSync(bin);
  const tool = (name: string, script: string) => {
    const place = join(bin, name);
    writeFileSync(place, `#!/bin/sh\nLOG=${log}\nSTATE=${lab.root}\n${script}\n`);
    chmodSync(place, 0o755);
    return place;
  };
  process.env.PATH = `${bin}:${PATH}`;
  tool('git', `echo "git $1" >> "$LOG"; PATH='${PATH}' exec git "$@"`);
  return {
    zfs: tool('zfs', zfsScript(lab, services)),
    zpool: tool('zpool', 'echo "zpool $1" >> "$LOG"; printf "datapool\\tONLINE\\n"'),
    compose: tool('docker-compose', composeScript(lab, services)),
    unshare: tool('unshare', 'echo unshare >> "$LOG"; while [ "$1" != sh ]; do shift; done; exec "$@"'),
    mount: tool('mount', 'echo mount >> "$LOG"'),
    borg: tool('borg', borgScript),
    forget() {
      process.env.PATH = PATH;
    },
  };
}

/** As cli/wire.ts does it, but for what counts as mounted. */
function wired(
  lab: Lab,
  services: string[],
  { tools, docker, ...given }: { tools: Tools; docker: FakeDockerApi; clock: Clock; signal?: AbortSignal },
): Wired {
  const { stateDir } = lab;
  const { socketPath } = docker;
  const { zfs, zpool, borg, unshare, mount, compose } = tools;
  const store = openStore(stateDir);
  const repository = openRepository({ url: lab.remote, stateDir });
  const reader = dockerComposeReader({ cache: textCache(store), dockerCompose: [compose] });
  const source = gitSource({
    ...{ repository, stateDir },
    compose: () => reader,
    environmentDir: join(lab.root, 'env'),
  });
  const executor = hostExecutor({
    ...{ socketPath, stateDir },
    commands: { zfs, zpool, borg, unshare, mount },
    runDir: join(lab.root, 'run'),
    readMountinfo: async () => services.map((service) => mountLine(lab, service)).join('\n'),
  });
  const observer = hostObserver({ socketPath, commands: { zfs, zpool } });
  const deps = { source, observer, executor, store, ...given };
  const { lastGood } = source;
  return { deps, store, lastGood, sourceRoots: [], close: () => store.close() };
}

/** The commit is in force, as after a cycle. */
async function promoted({ deps: { source }, close }: Wired): Promise<void> {
  const { commit } = await source.sync();
  if (commit !== null) await source.promote(commit);
  close();
}

async function askedFor(names: string[], what: AskedFor, lab: Lab, wired: Wired): Promise<number> {
  const { stateDir, remote } = lab;
  const settings = readSettings({ repo: remote, stateDir });
  const { signal = new AbortController().signal } = wired.deps;
  const request = { stateDir, command: what, waitMs: 0, signal };
  const op = what === 'check' ? 'borg-check' : 'borg-create';
  const isAsked: Wanted['isAsked'] = ({ steps }) => steps.some((step) => step.op === op);
  const wanted: Wanted = { command: what, what, isAsked, missed: 'not done' };
  try {
    return await runAsked(
      names,
      { output: 'text' },
      { wired, settings, look: lookFrom(wired), request, wanted },
    );
  } finally {
    wired.close();
  }
}
