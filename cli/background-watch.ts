import type { StepProgress } from '../reconciler/apply/types.ts';
import type { ApplyEvent } from '../reconciler/apply-plan.ts';
import { kindOfProof } from '../reconciler/proof/record.ts';
import type { Change } from '../reconciler/types.ts';
import type { Clock } from '../tools/clock.ts';
import type { RunningBackup } from './render/types.ts';

/** What a running loop tells of the work beside its cycles while it goes on: lines of the log, and for /status. */
export interface BackgroundWatch {
  event(event: ApplyEvent): void;
  /** What is under way for a service. */
  running(service: string): RunningBackup | null;
}

interface Log {
  info(fields: Record<string, unknown>, message: string): void;
}

/** A long step is told this often: an upload may take days. */
const everyMs = 5 * 60_000;

export function watchBackground(log: Log, clock: Pick<Clock, 'now' | 'monotonic'>): BackgroundWatch {
  const running = new Map<string, RunningBackup>();
  const told = new Map<string, number>();
  const step = (change: Change, index: number, progress: StepProgress | null) => {
    const op = change.steps[index]?.op ?? null;
    keep(change, { step: op, ...counts(progress) });
    const nowMs = clock.monotonic();
    if (progress !== null && nowMs - (told.get(change.id) ?? 0) < everyMs) return;
    told.set(change.id, nowMs);
    const line = { ...namesOf(change), step: op };
    if (progress === null) log.info(line, 'step begun');
    else log.info({ ...line, ...counts(progress) }, 'step goes on');
  };
  const keep = (change: Change, over: Partial<RunningBackup>) => {
    const { service } = change;
    if (service === null) return;
    const begun = { what: kindOfProof(change) ?? ('archive' as const), since: clock.now(), ...nothing };
    running.set(service, { ...(running.get(service) ?? begun), ...over });
  };
  return {
    event(event) {
      if (event.type === 'started') {
        const { verb, reasons } = event.change;
        keep(event.change, {});
        log.info({ ...namesOf(event.change), verb, why: reasons.map(({ note }) => note) }, 'change begun');
      }
      if (event.type === 'step') step(event.change, event.step, event.progress);
      if (event.type !== 'finished') return;
      const { change } = event.outcome;
      told.delete(change.id);
      if (change.service !== null) running.delete(change.service);
    },
    running: (service) => running.get(service) ?? null,
  };
}

const nothing = { step: null, files: null, bytes: null, totalBytes: null };

function counts(progress: StepProgress | null): Pick<RunningBackup, 'files' | 'bytes' | 'totalBytes'> {
  const { files = null, bytes = null, totalBytes = null } = progress ?? {};
  return { files, bytes, totalBytes };
}

function namesOf({ kind, id, service }: Change) {
  return { kind, id, service };
}
