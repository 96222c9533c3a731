import { describe, expect, it } from 'vitest';
import { backupStatus, metricOfBackup } from '../../../cli/backup-status.ts';
import { keyProblem, keyState } from '../../../reconciler/backup/key-state.ts';
import { diff } from '../../../reconciler/kinds/borg-repository.ts';
import { type Backups, emptyBackups, newBackupRecord } from '../../../reconciler/state/backups.ts';
import { emptyInventory } from '../../../reconciler/state/inventory.ts';
import { makeWorld } from '../../../reconciler/world.ts';
import * as build from '../../support/build.ts';

const nowMs = Date.parse('2026-11-23T12:00:00Z');
const desired = build.repository();
const { location } = desired.repository;

function known(encryption: string | null, exportedOf: string | null): Backups {
  const backups = emptyBackups();
  backups.services.set('photo', newBackupRecord('photo', nowMs));
  if (encryption !== null)
    backups.repositories.set(location, {
      ...{ location, borgId: 'this one', encryption },
      ...{ listedMs: nowMs, inDoubt: false, checkpoints: [] },
    });
  if (exportedOf !== null)
    backups.keys.set(location, {
      ...{ location, borgId: exportedOf, fingerprint: 'f'.repeat(64) },
      ...{ exportedMs: nowMs - 5, folder: '/mnt/stick/keys' },
    });
  return backups;
}

describe('a repository with another encryption than Git wants', () => {
  function verdictOf(encryption: string) {
    const inventory = { ...emptyInventory(), backups: known(encryption, 'this one') };
    const lab = build.desired([build.stack(), desired, build.backup()]);
    return diff(desired, makeWorld({ desired: lab, observed: build.observed({}), inventory, nowMs }));
  }

  it.each([
    ['none', 'not encrypted, although Git says repokey-blake2'],
    ['keyfile', 'encrypted with keyfile, although Git says repokey-blake2'],
  ])('is never as Git says: %s', (encryption, says) => {
    const verdict = verdictOf(encryption);
    if (verdict.state !== 'report') throw new Error(`it is ${verdict.state}`);
    expect(verdict.notice.state).toBe('degraded');
    expect(verdict.notice.reasons[0]?.note).toBe(
      `${location} is ${says}; that cannot be changed, and every archive goes into it as it is: name another backup.repository, or move this one away and run steward forget ${desired.id}, and a new one is made`,
    );
  });

  it('is as Git says with the same, and where Borg does not say which it is', () => {
    expect(verdictOf('repokey-blake2').state).toBe('in-sync');
    expect(verdictOf('unknown').state).toBe('in-sync');
  });
});

describe('the key of a repository', () => {
  it.each([
    ['was never exported', 'repokey-blake2', null, 'never', 0],
    ['was never exported, in a mode that only signs', 'authenticated', null, 'never', 0],
    ['was exported', 'repokey-blake2', 'this one', 'exported', nowMs - 5],
    ['was exported before the repository was made anew', 'keyfile', 'another', 'other', 0],
    ['is none without encryption', 'none', null, 'none', null],
    ['is not known before the repository is', null, null, 'unknown', null],
  ])('%s', (_what, encryption, exportedOf, state, at) => {
    const backups = known(encryption, exportedOf);
    expect(keyState(location, backups).state).toBe(state);
    const lab = build.desired([build.stack(), desired, build.backup()]);
    const [status] = backupStatus(lab, { backups, lastRuns: new Map(), nowMs });
    expect(status && metricOfBackup(status).keyExportedAt).toBe(at);
    expect(status?.keyProblem === null).toBe(at !== 0);
  });

  it.each([
    ['never exported is told by the plan, with what to do', null, 'report'],
    ['exported is nothing to tell', 'this one', 'in-sync'],
    ['of another repository is told', 'another', 'report'],
  ])('%s', (_what, exportedOf, state) => {
    const backups = known('repokey-blake2', exportedOf);
    const inventory = { ...emptyInventory(), backups };
    const lab = build.desired([build.stack(), desired, build.backup()]);
    const verdict = diff(
      desired,
      makeWorld({ desired: lab, observed: build.observed({}), inventory, nowMs }),
    );
    expect(verdict.state).toBe(state);
    if (verdict.state !== 'report') return;
    expect(verdict.notice).toMatchObject({ verb: 'report', state: 'key-not-exported' });
    expect(verdict.notice.reasons[0]?.note).toContain('steward keys export --to DIR');
    expect(keyProblem(keyState(location, backups))).toBe(verdict.notice.reasons[0]?.note);
  });
});
