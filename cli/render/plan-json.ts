import type { Change, Plan, Step } from '../../reconciler/types.ts';

/** A plan for programs. The order of keys is fixed: the same plan gives the same bytes. */
export function planJson(plan: Plan, commandOf: (step: Step) => string) {
  const { commit, inSync, blocked, reports, held, problems, policy } = plan;
  const changes = plan.changes.map((change) => changeJson(change, commandOf));
  return sorted({ commit, inSync, changes, blocked, reports, held, problems, policy }, topKeys);
}

const topKeys = ['commit', 'inSync', 'changes', 'blocked', 'reports', 'held', 'problems', 'policy'];

function changeJson(change: Change, commandOf: (step: Step) => string) {
  const { verb, kind, id, name, service, summary, reasons, disruption, needs } = change;
  const steps = change.steps.map((step) => {
    const { op, ...rest } = step;
    return { op, command: commandOf(step), ...(deep(rest) as object) };
  });
  return {
    verb,
    kind,
    id,
    name,
    service,
    summary,
    reasons: deep(reasons),
    disruption: deep(disruption),
    needs,
    steps,
  };
}

function sorted<T extends Record<string, unknown>>(value: T, keys: string[]): T {
  return Object.fromEntries(keys.map((key) => [key, key === 'changes' ? value[key] : deep(value[key])])) as T;
}

/** In the order in which a person would tell it; whatever is not named here follows by name. */
const told = [
  ...['id', 'verb', 'kind', 'name', 'service', 'state', 'severity', 'subject', 'branch', 'committedAt'],
  ...[
    'container',
    'field',
    'from',
    'to',
    'note',
    'origin',
    'file',
    'line',
    'column',
    'text',
    'message',
    'fix',
  ],
  ...['level', 'seconds', 'containers', 'reasons'],
];
const ranks = new Map(told.map((key, index) => [key, index]));

function compareKeys(a: string, b: string): number {
  const [rankA, rankB] = [ranks.get(a) ?? told.length, ranks.get(b) ?? told.length];
  return rankA !== rankB ? rankA - rankB : a < b ? -1 : a > b ? 1 : 0;
}

/** Of users of routes, as it is or in base64: who reads a plan need not be able to guess at passwords. */
const passwordHash = /(\$2[aby]\$\d\d\$)[./A-Za-z0-9]{53}|\bJDJ[A-Za-z0-9+/]{77}/g;

/** Keys in a fixed order, all the way down. */
function deep(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(deep);
  if (typeof value === 'string') return value.replaceAll(passwordHash, '$1…');
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).sort(([a], [b]) => compareKeys(a, b));
  return Object.fromEntries(entries.map(([key, inner]) => [key, deep(inner)]));
}
