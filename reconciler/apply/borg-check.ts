import type { BorgOptions, BorgResult } from '../../tools/borg/call.ts';
import type { CheckFacts } from '../proof/types.ts';
import type { ProofStep } from '../types.ts';
import { borg, codeOf } from './borg.ts';
import { checkArgs } from './proof-argv.ts';
import { StepError, type StepFacts } from './types.ts';

type CheckStep = Extract<ProofStep, { op: 'borg-check' }>;

/** With these borg gives up because of what it has read: inconsistent, data missing, damaged, not decompressible. */
const damageCodes = [12, 17, 90, 92];

/**
 * Looks for damage and repairs nothing. Of a partial check the archives' own part follows once the other has come
 * round: it did where it ended before its time was up.
 */
export async function checkRepository(step: CheckStep, options: BorgOptions): Promise<StepFacts> {
  const startMs = performance.now();
  const [first = [], ...rest] = checkArgs(step);
  const messages = await damageIn(first, step, options);
  const cameRound = performance.now() - startMs < step.maxSeconds * 1000;
  if (messages.length === 0 && cameRound)
    for (const args of rest) messages.push(...(await damageIn(args, step, options)));
  const check: CheckFacts = { mode: step.mode, damaged: messages.length > 0, messages };
  return check.damaged ? { check, failed: sentence(step, messages) } : { check };
}

async function damageIn(args: string[], step: CheckStep, options: BorgOptions): Promise<string[]> {
  try {
    return damage(await borg(args, step.repository, options));
  } catch (error) {
    if (!(error instanceof StepError) || !damageCodes.includes(codeOf(error) ?? 0)) throw error;
    return [error.message];
  }
}

/** [T] Damage that was found ends with 1, and nothing else does. */
function damage({ exitCode, warnings }: BorgResult): string[] {
  return exitCode === 1 ? warnings.slice(0, 5) : [];
}

function sentence({ repository: { location }, mode }: CheckStep, messages: string[]): string {
  const [first = ''] = messages;
  const repair = `borg check ${mode === 'verify-data' ? '--verify-data ' : ''}--repair ${location}`;
  return `borg check found damage in ${location} (${first}); look at its disk, then run ${repair}: until a complete check is clean, nothing is pruned`;
}
