import { describe, expect, it } from 'vitest';
import { keptOutBy } from '../../../reconciler/backup/at-work.ts';
import { emptyBackups, newBackupRecord } from '../../../reconciler/state/backups.ts';
import { repositoryLock } from '../../../reconciler/state/lock.ts';

const location = '/backup/photo';
const lockName = repositoryLock(location);
const sinceMs = Date.parse('2026-11-28T02:30:00Z');
const daemon = { pid: 812, command: 'reconcile', sinceMs };
const byHand = { pid: 7, command: 'backup check', sinceMs };

function known(what?: 'verify-data' | 'partial' | 'drill' | 'archive', atMs = sinceMs + 5) {
  const backups = emptyBackups();
  if (what === 'archive')
    backups.services.set('photo', {
      ...newBackupRecord('photo', 0),
      ...{ runningSinceMs: atMs, runningLock: lockName },
    });
  else if (what !== undefined)
    backups.runningProofs.push({ lockName, service: 'photo', what, sinceMs: atMs });
  return backups;
}

const said = (holder: typeof daemon | null, backups = known()) =>
  keptOutBy(holder, lockName, location, backups);

describe('who is kept out of a repository is told', () => {
  it('who is there, what that is at, and how it is cut off', () => {
    expect(said(daemon, known('verify-data'))).toBe(
      'steward reconcile (pid 812) is at work on /backup/photo: check of all data under way since 2026-11-28T02:30:00Z; try again when that is over (steward status says how far it is), or cut it off with systemctl stop steward: what it has stopped runs again first, and what was cut off is begun again once steward is started',
    );
  });

  it.each([
    ['partial', 'check under way since'],
    ['drill', 'restore drill under way since'],
    ['archive', 'backup under way since'],
  ] as const)('that it is a %s', (what, words) => {
    expect(said(daemon, known(what))).toContain(`: ${words} 2026-11-28T02:30:00Z; `);
  });

  it('of one that a person has begun, how that is ended: the daemon is not at it', () => {
    const sentence = said(byHand, known('verify-data'));
    expect(sentence).toContain('steward backup check (pid 7) is at work on /backup/photo: check of all data');
    expect(sentence).toMatch(/, or cut it off with kill 7: what it has stopped runs again first$/);
    expect(sentence).not.toContain('systemctl');
  });

  it.each([
    ['nothing is recorded', known()],
    ['what is recorded has died before', known('verify-data', sinceMs - 1)],
  ])('no more than who it is where %s', (_why, backups) => {
    expect(said({ ...byHand, command: 'mount' }, backups)).toBe(
      'steward mount (pid 7, since 2026-11-28T02:30:00.000Z) is at work on /backup/photo; try again when that is over',
    );
  });

  it('that nobody knows who it is', () => {
    expect(said(null, known('verify-data'))).toBe(
      'another steward is at work on /backup/photo; try again when that is over',
    );
  });
});
