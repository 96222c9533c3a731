import { type ProofRecord, type Proofs, proofKey } from '../state/proofs.ts';

/** What is known to be wrong with what was archived, and so holds back every prune. */

export interface Damage {
  atMs: number;
  message: string;
  /** The check that would see it again: only when this one is clean is the damage gone. */
  provenBy: 'full' | 'verify-data';
}

/**
 * A later partial check proves nothing, since it looks elsewhere; nor does one that does not read the data where the
 * data was at fault. Null: no damage is known.
 */
export function damageOf({ proofs }: Proofs, location: string): Damage | null {
  const last = (kind: 'partial' | 'full' | 'verify-data') => proofs.get(proofKey(kind, location));
  const [partial, full, data] = [last('partial'), last('full'), last('verify-data')];
  if (isBad(data)) return { ...found(data), provenBy: 'verify-data' };
  const cleanMs = Math.max(full?.goodMs ?? 0, data?.goodMs ?? 0);
  const bad = [full, partial].find((each) => isBad(each) && (each?.atMs ?? 0) >= cleanMs);
  return bad === undefined ? null : { ...found(bad), provenBy: 'full' };
}

function isBad(proof: ProofRecord | undefined): boolean {
  return proof?.result === 'bad';
}

function found(proof: ProofRecord | undefined): { atMs: number; message: string } {
  return { atMs: proof?.atMs ?? 0, message: proof?.message ?? 'it is damaged' };
}

/** Why nothing may be pruned, as a sentence; null when it may. */
export function pruneHold(known: Proofs, service: string, location: string): string | null {
  const damage = damageOf(known, location);
  if (damage !== null) return `nothing is pruned until a complete check is clean: ${damage.message}`;
  const drill = known.proofs.get(proofKey('drill', service));
  if (!isBad(drill)) return null;
  return `nothing is pruned until a restore drill is: ${found(drill).message}`;
}
