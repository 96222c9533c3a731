import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { renderDiff } from '../../cli/render/diff.ts';
import { renderHistory } from '../../cli/render/history.ts';
import { renderOutcomes } from '../../cli/render/outcomes.ts';
import { renderPlan } from '../../cli/render/plan.ts';
import { progressReporter } from '../../cli/render/progress.ts';
import { renderStatus } from '../../cli/render/status.ts';
import { widthOf } from '../../cli/render/text.ts';
import type { BackupStatus, RouteStatus, RunningBackup } from '../../cli/render/types.ts';
import type { Outcome, Plan } from '../../reconciler/types.ts';
import { change, now, situations } from './sample.ts';

const look = { color: false, width: null, now };
const git = change({ kind: 'compose-stack', name: 'git', verb: 'update' });
const outcomes: Outcome[] = [
  { change: git, result: 'applied', error: null, durationMs: 4200, downtimeMs: 3900 },
  {
    change: change({ kind: 'docker-network', name: 'wiki_net' }),
    result: 'failed',
    error: 'pool is full',
    durationMs: 80,
    downtimeMs: 0,
  },
];
const service = {
  name: 'git',
  state: 'backing-off',
  appliedCommit: 'aaaaaaaaaa',
  attemptedCommit: 'bbbbbbbbbb',
  error: 'unhealthy',
  nextAttemptAt: now + 90_000,
} as const;
const status = {
  commit: 'bbbbbbbbbb',
  appliedCommit: 'aaaaaaaaaa',
  lastCycle: { at: now - 30_000, result: 'failed', durationMs: 900 },
  services: [service],
  problems: [],
  held: null,
  orphans: ['tank/wiki'],
};
const day = 86_400_000;
const archiving: RunningBackup = {
  ...{ what: 'archive', since: now - 240_000, step: 'borg-create' },
  ...{ files: 1204, bytes: 3_400_000_000, totalBytes: 9_100_000_000 },
};

const checking = { what: 'verify-data', step: 'borg-check', files: null, bytes: null } as const;

function matter(service: string, over: Partial<BackupStatus>): BackupStatus {
  const lastArchive = { name: `${service}-2026-11-19T10:02:00Z`, at: now - day, files: 12, bytes: 3400 };
  return {
    ...{
      service,
      state: 'done',
      since: null,
      why: null,
      running: null,
      nextAt: now + day,
      overdueSince: null,
    },
    ...{
      lastArchive,
      failures: 0,
      lastError: null,
      lastRun: null,
      lastCheck: null,
      damage: null,
      pruneHeld: null,
      pruneInDoubt: false,
    },
    ...{ lastDrill: null, proofError: null, keyExportedAt: null, keyProblem: null, uncovered: [] },
    ...{ checkCountsFrom: null, drillCountsFrom: null },
    ...over,
  };
}

const backups: BackupStatus[] = [
  {
    service: 'git',
    ...{ state: 'done', since: null, why: null, running: null },
    nextAt: now + 7_200_000,
    lastArchive: { name: 'git-2026-11-23T02:30:00Z', at: now - day, files: 12, bytes: 3400 },
    overdueSince: null,
    failures: 0,
    lastError: null,
    lastRun: { durationMs: 9000, downtimeMs: 1200, deduplicatedBytes: 10 },
    lastCheck: { at: now - 3 * day, ok: true },
    damage: null,
    lastDrill: { at: now - 5 * day, archive: 'git-2026-11-18T02:30:00Z' },
    proofError: null,
    keyExportedAt: now - day,
    keyProblem: null,
    uncovered: ['datapool/services/git/lfs at /datapool/services/git/lfs is inside the data of git'],
    pruneHeld: 'nothing is pruned: ssh://b/./git is append-only',
    ...{ pruneInDoubt: false, checkCountsFrom: now - 3 * day, drillCountsFrom: now - 5 * day },
  },
  {
    service: 'paperless',
    ...{ state: 'blocked', since: now - 3_600_000, running: null },
    why: 'the connection to ssh://b/./paperless was closed; attempt 4 in 2400 s',
    nextAt: now + 3 * 3_600_000,
    lastArchive: null,
    overdueSince: now - 3_600_000,
    failures: 3,
    lastError: 'the connection to ssh://b/./paperless was closed',
    lastRun: null,
    lastCheck: { at: now - day, ok: false },
    damage: 'borg check found damage in ssh://b/./paperless',
    lastDrill: null,
    proofError: null,
    keyExportedAt: 0,
    keyProblem: 'its key was never exported',
    uncovered: [],
    pruneHeld:
      'nothing is pruned until a complete check is clean: borg check found damage in ssh://b/./paperless',
    ...{ pruneInDoubt: true, checkCountsFrom: now - day, drillCountsFrom: null },
  },
];
/** Each thing that may be the matter with a tick. */
const matters: BackupStatus[] = [
  matter('blog', { state: 'running', since: now - 240_000, running: archiving, overdueSince: now - 300_000 }),
  matter('chat', { state: 'waiting', since: now - 300_000, why: 'waits for its turn: blog is at work' }),
  matter('git', { state: 'due', since: now - 8_000 }),
  matter('mail', { state: 'blocked', since: now - 3 * 3_600_000, why: 'tank/mail is not mounted' }),
  matter('music', {
    state: 'missed',
    since: now - 5 * 3_600_000,
    why: 'was not made within startingDeadline',
  }),
  matter('notes', { state: 'suspended', nextAt: null }),
  matter('photo', { running: { ...archiving, ...checking } }),
  matter('wiki', { state: 'by-hand', nextAt: null }),
];

const routes: RouteStatus[] = [
  {
    ...{ url: 'https://git.homelab.lan', service: 'git', askedAt: now - 20_000, since: now - day },
    ...{ status: 200, latencyMs: 12, certificateEndsAt: now + 39_600_000, error: null },
  },
  {
    ...{
      url: 'https://photo.homelab.lan/api',
      service: 'photo',
      askedAt: now - 20_000,
      since: now - 180_000,
    },
    ...{ status: 502, latencyMs: 9, certificateEndsAt: now + 39_600_000 },
    error: 'the hub answers 502: it does not reach the service',
  },
  {
    ...{ url: 'https://docs.homelab.lan', service: 'docs', askedAt: now - 20_000, since: now - day },
    ...{ status: 401, latencyMs: 3, certificateEndsAt: now + 39_600_000, error: null },
    unproven: 'the hub asks for a password first: whether the service answers is not known',
  },
];
const late: RouteStatus[] = routes.map((route) => ({
  ...route,
  ...{ certificateEndsAt: now + 1_800_000, certificateEndsSoon: true },
}));
const routeTroubles = {
  git: 'the routes of git were not loaded: Caddy refuses it: open /nowhere: no such file',
  wiki: 'caddy-route:wiki: Caddy refuses it: wiki.caddy:2: unrecognized directive: nonsense',
};
const entry = {
  at: now - 3_600_000,
  id: 'compose-stack:git',
  verb: 'update',
  commit: 'bbbbbbbbbb',
  result: 'failed',
  error: 'unhealthy',
  durationMs: 900,
  reasons: [{ field: 'image', from: 'a:1', to: 'a:2' }],
} as const;

const planWith = (over: { verbose: boolean; width?: number }) =>
  renderPlan(situations['in-sync'] as Plan, { ...look, commandOf: () => '', backups: matters, ...over });

it.each([
  ['outcomes', () => renderOutcomes(outcomes, look)],
  ['status', () => renderStatus(status, look)],
  ['backup-status', () => renderStatus({ ...status, backups }, look)],
  ['backup-matters', () => renderStatus({ ...status, services: [], backups: matters }, look)],
  ['backup-outlook', () => planWith({ verbose: false })],
  ['backup-outlook-narrow', () => planWith({ verbose: false, width: 60 })],
  ['backup-outlook-verbose', () => planWith({ verbose: true })],
  ['route-status', () => renderStatus({ ...status, routes }, look)],
  ['route-troubles', () => renderStatus({ ...status, routes: late, routeTroubles }, look)],
  ['history', () => renderHistory([{ ...entry, reasons: [...entry.reasons] }], look)],
  ['diff', () => renderDiff('a\nb\n', 'a\nc\n', 'Caddyfile')],
])('%s reads as its golden file says', async (name, render) => {
  await expect(render()).toMatchFileSnapshot(`golden/${name}.txt`);
});

describe('status on a narrow terminal', () => {
  const held = {
    ...{ ...service, state: 'blocked' as const, nextAttemptAt: now },
    error:
      'compose-stack:git: git-gitea is privileged: it is root on this server (privileged) (services/git/docker-compose.yml:4)',
  };
  const all = {
    ...status,
    services: [service, held],
    held: {
      ...{ field: 'services', from: '5', to: '1' },
      note: 'removes 4 of 5 services (80 %), and nothing is done until steward approve bbbbbbb',
    },
    backups: [...backups, ...matters],
    routes: late,
    routeTroubles,
  };

  it.each([60, 80, 120])('of %i columns cuts nothing off, and no line is longer', (width) => {
    const lines = renderStatus(all, { ...look, width }).split('\n');
    for (const line of lines.filter((each) => !each.startsWith('last cycle'))) {
      expect(line).not.toContain('…');
      expect(widthOf(line)).toBeLessThanOrEqual(width);
    }
    const words = (text: string) => text.split(/\s+/).filter(Boolean);
    expect(words(lines.join(' '))).toEqual(words(renderStatus(all, look)));
  });

  it('reads as its golden file says', async () => {
    await expect(renderStatus(all, { ...look, width: 80 })).toMatchFileSnapshot('golden/status-narrow.txt');
  });
});

it('progress on a pipe is one line for each finished change', () => {
  const stream = new PassThrough();
  const reporter = progressReporter(stream as unknown as NodeJS.WriteStream);
  reporter.event({ type: 'started', change: git });
  reporter.event({ type: 'finished', outcome: outcomes[0] as Outcome });
  expect(String(stream.read())).toMatch(/^✓ compose-stack {2}git {2}updated {2}4\.2 s\n$/);
});

it('an orphaned network is told as what it is', () => {
  const orphans = ['zfs-dataset:tank/wiki', 'docker-network:lan'];
  const text = renderStatus({ ...status, orphans }, look);
  expect(text).toContain('! zfs-dataset:tank/wiki  orphaned; data kept\n');
  expect(text).toContain('! docker-network:lan  orphaned; not made by Steward, and kept\n');
});

it('what was tried is told of a service that is not as Git says, and of no other', () => {
  const told = (state: 'in-sync' | 'drifted') =>
    renderStatus({ ...status, services: [{ ...service, state }] }, { ...look, width: null });
  expect(told('drifted')).toContain('aaaaaaa · tried bbbbbbb');
  expect(told('in-sync')).not.toContain('tried');
});
