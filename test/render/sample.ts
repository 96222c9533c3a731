import type { Change, Notice, Plan } from '../../reconciler/types.ts';

export const now = Date.parse('2026-11-20T10:02:00Z');

export function change(over: Partial<Change> & Pick<Change, 'kind' | 'name'>): Change {
  const base = {
    verb: 'create',
    service: 'photo',
    summary: 'new',
    reasons: [],
    needs: [],
    steps: [],
  } as const;
  const disruption = { level: 'none', seconds: 0, containers: [] } as const;
  return { ...base, id: `${over.kind}:${over.name}`, disruption, ...over } as Change;
}

export function notice(over: Pick<Notice, 'verb' | 'name' | 'state' | 'reasons'> & Partial<Notice>): Notice {
  return { kind: 'zfs-dataset', id: `zfs-dataset:${over.name}`, service: null, ...over };
}

export function plan(over: Partial<Plan> = {}): Plan {
  const commit = {
    id: '3f2a1c9'.padEnd(40, '0'),
    subject: 'Add photo',
    branch: 'main',
    committedAt: '2026-11-20T10:00:00Z',
  };
  const policy = { findings: [], exceptions: [] };
  const empty = { inSync: [], changes: [], blocked: [], reports: [], held: null, problems: [], policy };
  return { commit, ...empty, ...over };
}

const origin = { file: 'services/git/docker-compose.yml', line: 4, column: 5 };
const steps = [{ op: 'network-remove', network: 'x' } as const];

export const photo = plan({
  changes: [
    change({ kind: 'zfs-dataset', name: 'datapool/services/photo' }),
    change({ kind: 'zfs-dataset', name: 'datapool/services/photo/database', summary: 'recordsize=16K' }),
    change({ kind: 'directory', name: '/datapool/services/photo/library', summary: '101000:labdata 2770' }),
    change({ kind: 'docker-network', name: 'photo_net', summary: '10.88.0.64/26' }),
    change({ kind: 'compose-stack', name: 'photo', summary: '4 containers', steps }),
    change({
      verb: 'update',
      kind: 'compose-stack',
      name: 'git',
      steps,
      summary: 'recreates 1 of 2 containers, about 4 s down',
      reasons: [{ container: 'gitea', field: 'image', from: 'gitea/gitea:1.22.3', to: '1.24.0', origin }],
      disruption: { level: 'downtime', seconds: 4, containers: ['gitea'] },
    }),
  ],
  reports: [
    notice({
      verb: 'report',
      name: 'datapool/services/wiki',
      state: 'orphaned',
      reasons: [{ field: 'service', from: null, to: null, note: 'not in Git since 9d1e044; data kept' }],
    }),
  ],
});

const blocked = notice({
  verb: 'blocked',
  name: 'datapool/bücher-写真',
  state: 'unknown',
  reasons: [{ field: 'zfs', from: null, to: null, note: 'zfs list did not answer in 30 s' }],
});

export const situations: Record<string, Plan> = {
  photo,
  'in-sync': plan({ inSync: Array.from({ length: 42 }, (_, index) => `group:g${index}` as const) }),
  blocked: plan({ blocked: [blocked] }),
  held: plan({
    held: { field: 'limits.removals', from: '9 services', to: '1 services', note: 'removes 8 of 9' },
    changes: [change({ verb: 'delete', kind: 'compose-stack', name: 'wiki' })],
  }),
  'backing-off': plan({
    blocked: [
      notice({
        ...{ verb: 'blocked', kind: 'backup', name: 'photo', state: 'backing-off' },
        reasons: [{ field: 'state', from: null, to: null, note: 'the connection broke; attempt 2 in 60 s' }],
      }),
    ],
  }),
  hostile: plan({ commit: { ...plan().commit, subject: 'x\u001b[2J\u001b]0;t\u0007\n\u202ey' } }),
  forty: plan({
    changes: Array.from({ length: 40 }, (_, index) =>
      change({ kind: 'compose-stack', name: `service-${index}` }),
    ),
  }),
};
