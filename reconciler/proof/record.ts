import type { Clock } from '../../tools/clock.ts';
import type { StepFacts } from '../apply/types.ts';
import { settleClock } from '../state/clock-ahead.ts';
import { editProof, type ProofKind, writeManifest } from '../state/proofs.ts';
import type { Store } from '../state/store.ts';
import type { Change, Outcome, Step } from '../types.ts';

/** How checks and drills ended, in the state: what was found out counts, also where it is nothing good. */

/** A change that only looks: it leaves neither an archive nor a doubt about the repository. */
export function isProof({ steps }: Change): boolean {
  return proofOf(steps) !== null;
}

/** What a change proves; null: nothing. */
export function kindOfProof({ steps }: Change): ProofKind | null {
  return proofOf(steps)?.kind ?? null;
}

function startsStack({ steps }: Change): boolean {
  return steps.some(({ op }) => op === 'drill-start');
}

/** What a change proves, and of whom. */
function proofOf(steps: Step[], service: string | null = ''): { kind: ProofKind; subject: string } | null {
  for (const step of steps) {
    if (step.op === 'borg-check') return { kind: step.mode, subject: step.repository.location };
    if (step.op === 'borg-compare' || step.op === 'drill-start')
      return { kind: 'drill', subject: service ?? '' };
  }
  return null;
}

export function proofRecorder(store: Store, clock: Clock) {
  const ended = new Set<Change>();
  return {
    learned(change: Change, step: Step, facts: StepFacts) {
      if (step.op === 'borg-manifest' && facts.manifest !== undefined)
        writeManifest(store, step.repository.location, facts.manifest);
      const verdict = verdictOf(facts);
      const proof = proofOf([step], change.service);
      if (verdict === null || proof === null) return;
      // What is right so far is proven once the stack runs on it.
      if (step.op === 'borg-compare' && verdict.message === null && startsStack(change)) return;
      ended.add(change);
      const atMs = clock.now();
      // Whatever a clock that was ahead has recorded was before this all the same.
      settleClock(store, atMs - 1);
      const good = verdict.message === null ? { goodMs: atMs, goodArchive: verdict.archive } : {};
      const { message } = verdict;
      const result = message === null ? ('good' as const) : ('bad' as const);
      const quiet = { attempts: 0, lastAttemptMs: atMs, lastError: null };
      editProof(store, proof.kind, proof.subject, () => ({ atMs, result, message, ...good, ...quiet }));
    },
    /** Came to no end: a dead connection says nothing of the data, and it is tried again. */
    finished({ change, result, error }: Outcome) {
      const proof = proofOf(change.steps, change.service);
      if (proof === null || result !== 'failed' || ended.has(change)) return;
      editProof(store, proof.kind, proof.subject, ({ attempts }) => ({
        attempts: attempts + 1,
        lastAttemptMs: clock.now(),
        lastError: error,
      }));
    },
  };
}

/** `message`: what is wrong; null where nothing is. */
function verdictOf({ check, drill, failed }: StepFacts) {
  if (check !== undefined) return { message: check.damaged ? (failed ?? 'damage') : null, archive: null };
  if (drill !== undefined) return { message: drill.difference, archive: drill.archive };
  return null;
}
