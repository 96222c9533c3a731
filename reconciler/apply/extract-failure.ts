import { codeOf } from './borg.ts';
import { StepError } from './types.ts';

/**
 * What borg warns of while it extracts speaks of the archive, or of the place that it writes to: a full disk is only a
 * warning to it. The first proves the archive damaged, and only where the second is not said as well. Each warning is
 * taken as it comes, since there may be thousands.
 */

export type ExtractWatch = ReturnType<typeof watchExtraction>;

export function watchExtraction(archive: string) {
  const first: { damage: string | null; place: string | null } = { damage: null, place: null };
  return {
    onWarning(message: string): void {
      if (ofArchive.test(message)) first.damage ??= message;
      else if (ofPlace.test(message) && !message.startsWith('Remote: ')) first.place ??= message;
      // Borg would go on with each file that is left, and keep full what others live on.
      if (first.place !== null && isFull(first.place)) throw this.incomplete([]);
    },
    isFull: (): boolean => first.place !== null && isFull(first.place),
    /** Where borg ended with a warning: something is not as it was in the archive. */
    incomplete(warnings: readonly string[]): StepError {
      const { damage, place } = first;
      const weighty = [place, damage].filter((each) => each !== null);
      const what = [...new Set([...weighty, ...warnings])].slice(0, 3).join('; ');
      const isDamage = damage !== null && place === null;
      const advice = isDamage ? '' : `; ${place === null ? unclear : adviceOn(place)}`;
      return new StepError(`borg could not restore all of ${archive}: ${what}${advice}`, { isDamage });
    },
    /** Where borg gave up. */
    failed(error: unknown): unknown {
      if (!(error instanceof StepError) || first.place !== null) return error;
      const { message, retryable, cause } = error;
      const isDamage = damageCodes.has(codeOf(error) ?? 0);
      return new StepError(message, { retryable, cause, isDamage });
    },
  };
}

/**
 * Chunks are missing, do not match their checksum, cannot be decompressed. Not 12, which is said of the whole
 * repository: an older archive would fail as well.
 */
const damageCodes = new Set([17, 90, 92]);

/** Zeros that `borg check --repair` has put in the place of data; sizes that do not match. */
const ofArchive = /: (File has damaged \(all-zero\) chunks\..*|Size inconsistency detected: size .*)$/;

const ofPlace = /\[Errno \d+\]|\bMemoryError\b/;

const unclear = 'that does not prove the archive damaged; borg check on its repository tells whether it is';

function isFull(warning: string): boolean {
  return adviceOn(warning) === noRoom;
}

function adviceOn(warning: string): string {
  const number = /\[Errno (\d+)\]/.exec(warning)?.[1] ?? '';
  return advice[number] ?? 'that is said of this server, not of the archive, so it is to be put right here';
}

const noRoom = 'there is no room left where it is restored to, so make room or raise a quota there';

/** By errno of Linux. */
const advice: Record<string, string> = {
  5: 'a disk of the pool fails, see zpool status',
  28: noRoom,
  30: 'it is read-only there',
  95: 'its dataset does not take all that the archive has; access lists want acltype: posix there',
  122: noRoom,
};
