import type { Executor } from '../../../../reconciler/apply/types.ts';
import { StepError } from '../../../../reconciler/apply/types.ts';
import type { BackgroundDeps } from '../../../../reconciler/background.ts';
import { type LockHolder, repositoryLock } from '../../../../reconciler/state/lock.ts';
import type { BorgCreate, Step } from '../../../../reconciler/types.ts';
import type { LabRun } from '../../../support/lab-run.ts';
import { newRecord, type Record, recordArchive, recordDeletion, tickOf } from './record.ts';
import { atOnce, type Service, services } from './services.ts';
import { hourMs } from './wall-clock.ts';

/**
 * The server of the year and the repositories that it uploads to: steps of Borg take their time there, and fail while
 * something is in their way. It keeps books of what it has seen, and throws at once where two are at one repository, or
 * more at work than may be.
 */

/** What is in the way of every use of some repositories, or of every upload to them. */
export interface Trouble {
  what: 'unreachable' | 'full';
  /** Of locations. */
  prefix: string;
}

interface AtWork {
  step: Step & { repository: { location: string } };
  service: Service;
  /** On the monotonic clock; it goes on then. */
  overMs: number;
  goOn(): void;
}

interface Failure {
  atMs: number;
  what: Trouble['what'];
}

export interface Server {
  record: Record;
  /** Location -> who is there. */
  atWork: Map<string, AtWork>;
  locks: Map<string, LockHolder>;
  troubles: Set<Trouble>;
  /** The last moment of trouble, on the monotonic clock. */
  troubleMs(): number;
  /** Trouble begins; what ends it. */
  trouble(trouble: Trouble): () => void;
  /** Service -> the last time that something failed for it, until an archive is made. */
  failures: Map<string, Failure>;
  /** Service -> how long its next upload takes. */
  slow: Map<string, number>;
  /** Uploads that ended with the server. */
  killed: Service[];
  /** What must never happen, and did. */
  wrong: Error[];
  background(): BackgroundDeps;
  /** The power is cut: whatever is under way ends, and `isCommitted` says of which uploads the repository has all the same. */
  cutPower(isCommitted: (service: Service) => boolean): Promise<void>;
  /** When the next one that is at work is over, on the monotonic clock. */
  nextMs(): number;
  /** Those whose time is over go on. */
  goOn(): void;
}

const byLocation = new Map(services.map((service) => [service.location, service]));
const proofs = new Set<Step['op']>(['borg-check', 'borg-extract-scratch', 'borg-compare']);
const words = {
  unreachable: 'Connection closed by remote host',
  full: 'No space left on device',
};

/** What holds cycles and other stops back, in one process. */
function oneAtATime(): BackgroundDeps['holdCycles'] {
  let last = Promise.resolve();
  return async () => {
    const before = last;
    const { promise, resolve } = Promise.withResolvers<void>();
    last = promise;
    await before;
    return { release: () => resolve() };
  };
}

export function openServer(lab: LabRun): Server {
  const record = newRecord();
  const snapshots = new Map<string, number>();
  let generation = 0;
  let calmSinceMs = 0;
  const { clock } = lab.besides();

  /** To a change every error is one of its steps; what must never happen ends the year. */
  const execute: Executor['execute'] = async (step, options) => {
    try {
      return await carryOut(step, options);
    } catch (error) {
      if (!(error instanceof StepError)) server.wrong.push(error as Error);
      throw error;
    }
  };

  async function carryOut(step: Step, options: Parameters<Executor['execute']>[1]) {
    const own = generation;
    const service = 'repository' in step ? byLocation.get(step.repository.location) : undefined;
    if (step.op === 'zfs-snapshot')
      for (const name of step.snapshots) snapshots.set(name.replace(/^.*\/|@.*$/g, ''), clock.now());
    if (service === undefined || !('repository' in step)) return lab.host.executor.execute(step, options);
    await work(step, service);
    // Of a process that is gone nobody hears again.
    if (own !== generation) return new Promise<never>(() => {});
    if (step.op === 'borg-delete') recordDeletion(service, step.archives, record);
    const facts = await lab.host.executor.execute(step, options);
    if (step.op === 'borg-create') archived(step, service);
    if (step.op === 'borg-compare' && facts?.drill?.difference === null)
      record.proven.set(service.name, tickOf(service, step.manifest.archive, record));
    return facts;
  }

  function archived({ archive }: BorgCreate, service: Service): void {
    recordArchive(service, archive, snapshots.get(service.name) ?? Number.NaN, record);
    server.failures.delete(service.name);
  }

  async function work(step: AtWork['step'], service: Service): Promise<void> {
    const { location } = step.repository;
    if (!server.locks.has(repositoryLock(location)))
      throw new Error(`${step.op} at ${location} without its lock`);
    if (server.atWork.has(location)) throw new Error(`two are at ${location}`);
    const { promise, resolve: goOn } = Promise.withResolvers<void>();
    const lastsMs = durationOf(step, service);
    const overMs = clock.monotonic() + lastsMs;
    server.atWork.set(location, { step, service, overMs, goOn });
    const forProof = [...server.atWork.values()].filter(({ step: { op } }) => proofs.has(op)).length;
    if (server.atWork.size - forProof > atOnce || forProof > 1)
      throw new Error(`${server.atWork.size} are at work, ${forProof} of them for proof`);
    try {
      checkTroubles(step, service);
      if (lastsMs > 0) await promise;
      checkTroubles(step, service);
    } finally {
      if (server.atWork.get(location)?.goOn === goOn) server.atWork.delete(location);
    }
  }

  function checkTroubles({ op }: Step, { name, location }: Service): void {
    for (const { what, prefix } of server.troubles) {
      if (!location.startsWith(prefix) || (what === 'full' && op !== 'borg-create')) continue;
      if (op === 'borg-create' || op === 'borg-list' || op === 'borg-init')
        server.failures.set(name, { atMs: clock.monotonic(), what });
      throw new StepError(words[what]);
    }
  }

  function durationOf(step: AtWork['step'], { name, uploadMs }: Service): number {
    if (step.op === 'borg-check') return step.mode === 'verify-data' ? 50 * hourMs : 60_000;
    if (step.op === 'borg-extract-scratch') return hourMs / 2;
    if (step.op !== 'borg-create') return 0;
    const lastsMs = server.slow.get(name) ?? uploadMs;
    server.slow.delete(name);
    return lastsMs;
  }

  const server: Server = {
    record,
    atWork: new Map(),
    locks: new Map(),
    troubles: new Set(),
    troubleMs: () => (server.troubles.size > 0 ? clock.monotonic() : calmSinceMs),
    trouble(trouble) {
      server.troubles.add(trouble);
      return () => {
        server.troubles.delete(trouble);
        calmSinceMs = clock.monotonic();
      };
    },
    failures: new Map(),
    slow: new Map(),
    killed: [],
    wrong: [],
    background: () => ({
      ...lab.besides(),
      executor: { execute },
      tryLock: (name) => {
        const holder = server.locks.get(name);
        if (holder !== undefined) return { ok: false, holder };
        server.locks.set(name, { pid: process.pid, command: 'reconcile', sinceMs: clock.now() });
        const own = generation;
        return { ok: true, lock: { release: () => own === generation && server.locks.delete(name) } };
      },
      holdCycles: oneAtATime(),
    }),
    async cutPower(isCommitted) {
      generation += 1;
      const uploads = [...server.atWork.values()].filter(({ step }) => step.op === 'borg-create');
      server.killed = uploads.map(({ service }) => service);
      server.atWork.clear();
      server.locks.clear();
      for (const { step, service } of uploads)
        if (step.op === 'borg-create' && isCommitted(service)) {
          await lab.host.executor.execute(step, {});
          archived(step, service);
        }
      lab.restart();
    },
    nextMs: () =>
      Math.min(Number.POSITIVE_INFINITY, ...[...server.atWork.values()].map(({ overMs }) => overMs)),
    goOn() {
      for (const { overMs, goOn } of server.atWork.values()) if (overMs <= clock.monotonic()) goOn();
    },
  };
  return server;
}
