import { converged, degraded } from '../../reconciler/plan.ts';
import type { Change, ChangeVerb, Plan } from '../../reconciler/types.ts';
import { type Look, paint, plural, safe } from './text.ts';
import { duration } from './time.ts';

const order: ChangeVerb[] = ['create', 'replace', 'update', 'delete', 'run'];

/** `5 to create, 1 to update · down: git about 4 s · nothing is destroyed` */
export function summaryLine(plan: Plan, look: Look): string {
  if (isQuiet(plan)) return paint(look, 'green', `Nothing to do: ${inSync(plan)}.`);
  const parts = [
    counts(plan),
    ...standing(plan),
    ...(plan.changes.length === 0 ? [] : effects(plan.changes)),
  ];
  const line = parts.filter((part) => part !== '').join(' · ');
  return paint(look, 'bold', plan.held === null ? line : `Held, nothing is done · ${line}`);
}

function isQuiet(plan: Plan): boolean {
  return converged(plan) && degraded(plan).length === 0;
}

function inSync({ inSync: ids, commit }: Plan): string {
  const verb = ids.length === 1 ? 'is' : 'are';
  return `${plural(ids.length, 'resource')} ${verb} as ${safe(commit.id.slice(0, 7))} says`;
}

function counts({ changes }: Plan): string {
  const parts = order.flatMap((verb) => {
    const count = changes.filter((change) => change.verb === verb).length;
    return count === 0 ? [] : [`${count} to ${verb === 'delete' ? 'remove' : verb}`];
  });
  return parts.length === 0 ? 'nothing to change' : parts.join(', ');
}

function standing(plan: Plan): string[] {
  const stopped = plan.blocked.filter(({ state }) => state !== 'degraded').length;
  const ill = plan.blocked.length - stopped + degraded(plan).length;
  return [...(stopped === 0 ? [] : [`${stopped} blocked`]), ...(ill === 0 ? [] : [`${ill} degraded`])];
}

function effects(changes: Change[]): string[] {
  const destroys = changes.filter(({ disruption }) => disruption.level === 'destructive');
  const destroyed =
    destroys.length === 0
      ? 'nothing is destroyed'
      : `DESTROYS ${destroys.map(({ name }) => safe(name)).join(', ')}`;
  return [downtime(changes), destroyed];
}

/** Only those that stop something which runs now; a service that comes or goes is not down. */
function downtime(changes: Change[]): string {
  const stopping = changes.filter(({ disruption }) => disruption.containers.length > 0);
  const down = stopping.filter(
    ({ disruption, verb }) => disruption.seconds > 0 && verb !== 'create' && verb !== 'delete',
  );
  const stopped = stopping.length > down.length;
  if (down.length === 0) return stopped ? 'only what is removed stops' : 'no downtime';
  const shown = down.slice(0, 3).map(({ name, disruption }) => `${safe(name)} ${about(disruption.seconds)}`);
  const more = down.length > 3 ? [`${down.length - 3} more`] : [];
  return `down: ${[...shown, ...more].join(', ')}`;
}

function about(seconds: number): string {
  return `about ${duration(Math.round(seconds) * 1000).replace('.0 s', ' s')}`;
}
