import type { DesiredState } from '../../desired-state/types.ts';
import { backupLines } from './backup-status.ts';
import { exceptionLines, loweredLines, policyLines } from './policy.ts';
import { placeOf, reasonText } from './reason.ts';
import { routeLines } from './route-status.ts';
import {
  hanging,
  joinLines,
  type Look,
  pad,
  paint,
  plural,
  type StatusOptions,
  type Style,
  safe,
  widest,
  wrap,
} from './text.ts';
import { duration, relative } from './time.ts';
import type { ServiceState, ServiceStatus, Status } from './types.ts';

const styles: Record<ServiceState, Style> = {
  'in-sync': 'green',
  drifted: 'yellow',
  blocked: 'red',
  unknown: 'red',
  orphaned: 'cyan',
  suspended: 'cyan',
  failed: 'red',
  stalled: 'red',
  'backing-off': 'yellow',
};

export function renderStatus(status: Status, options: StatusOptions): string {
  const backups = backupLines(status.backups ?? [], options);
  const routes = routeLines(status, options);
  const rows = services(status.services, options);
  const parts = [head(status, options), rows, routes, backups, notes(status, options)];
  const blocks = parts.filter((block) => block.length > 0).flatMap((block) => [...block, '']);
  return joinLines([...blocks, paint(options, 'bold', total(status))], options);
}

function head(status: Status, options: StatusOptions): string[] {
  const { lastCycle, lock } = status;
  const cycle =
    lastCycle === null
      ? 'no cycle yet: steward reconcile'
      : `${safe(lastCycle.result)} ${relative(lastCycle.at, options.now)}, took ${duration(lastCycle.durationMs)}`;
  const held =
    lock === undefined ? [] : [`at work     process ${lock.pid}, since ${relative(lock.since, options.now)}`];
  return [
    `commit      ${commits(status)}`,
    ...repository(status, options),
    `last cycle  ${cycle}`,
    ...silence(status, options),
    ...seen(status, options),
    ...held,
  ];
}

function repository({ repositoryError, refused, commit }: Status, look: Look): string[] {
  if (repositoryError === undefined || repositoryError === null) return [];
  const word = refused === undefined || refused === null ? 'repository' : 'refused';
  const still = commit === null ? '' : `; ${short(commit)} stays in force`;
  return [paint(look, 'red', `${pad(word, 10)}  ${safe(repositoryError)}${still}`)];
}

function commits({ commit, appliedCommit, services: list }: Status): string {
  if (commit === null)
    return appliedCommit === null ? 'none yet' : `none yet; the host is at ${short(appliedCommit)}`;
  if (commit === appliedCommit) return `${short(commit)}, applied`;
  if (appliedCommit !== null) return `${short(commit)}, not applied; the host is at ${short(appliedCommit)}`;
  const isNew = list.every((service) => service.appliedCommit === null);
  return isNew
    ? `${short(commit)}, not applied; nothing applied yet`
    : `${short(commit)}, not applied as a whole`;
}

/** All that follows may be long untrue. */
function silence({ silentSince, intervalMs }: Status, options: StatusOptions): string[] {
  if (silentSince === undefined || intervalMs === undefined) return [];
  const age = relative(silentSince, options.now).replace(/ ago$/, '');
  const text = `for ${age}, where the daemon looked every ${duration(intervalMs)}: what follows is as it was then. Is it running? systemctl status steward; steward reconcile --once looks once`;
  const room = options.width === null ? Number.POSITIVE_INFINITY : Math.max(8, options.width - 12);
  return wrap(text, room).map((line, index) =>
    paint(options, 'red', `${pad(index === 0 ? 'no cycle' : '', 10)}  ${line}`),
  );
}

function seen({ seenAt }: Status, { now }: StatusOptions): string[] {
  return seenAt === undefined
    ? []
    : [`as it was   ${relative(seenAt, now)}: the host was not looked at since`];
}

function services(list: ServiceStatus[], options: StatusOptions): string[] {
  const names = widest(list.map(({ name }) => safe(name)));
  const states = widest(list.map(({ state }) => state));
  return list.flatMap((service) => {
    const state = paint(options, styles[service.state], pad(service.state, states));
    const head = `${pad(safe(service.name), names)}  ${state}  `;
    return hanging({ head, headWidth: names + states + 4 }, detail(service, options.now), options);
  });
}

function detail(service: ServiceStatus, now: number): string {
  const { state, appliedCommit, attemptedCommit, containers, error, nextAttemptAt } = service;
  // What has failed and was taken back since is over.
  const tried = state !== 'in-sync' && attemptedCommit !== null && attemptedCommit !== appliedCommit;
  return [
    appliedCommit === null ? 'never applied' : short(appliedCommit),
    ...(tried ? [`tried ${short(attemptedCommit)}`] : []),
    ...(containers === undefined ? [] : [`${containers.running}/${containers.wanted} running`]),
    ...(nextAttemptAt === undefined ? [] : [`next attempt ${relative(nextAttemptAt, now)}`]),
    ...(error === undefined ? [] : [safe(error)]),
  ].join(' · ');
}

const nothing: DesiredState['policy'] = { findings: [], exceptions: [] };

function notes(status: Status, look: Look): string[] {
  const { held, orphans, notInGit = [], degraded = [], problems, policy = nothing } = status;
  return [
    ...degraded.map((id) => paint(look, 'red', `! ${safe(id)}  degraded; steward plan says why`)),
    ...(held === null ? [] : [paint(look, 'yellow', `held: ${reasonText(held)}`)]),
    ...notInGit.map((sentence) => `! ${safe(sentence)}, and Git does not know it`),
    ...orphans.map((name) => `! ${safe(name)}  orphaned; ${keptOf(name)}`),
    ...problems.map((problem) => `${problem.severity}: ${placeOf(problem)}: ${safe(problem.message)}`),
    ...loweredLines(policy, look),
    ...exceptionLines(policy, look),
    ...policyLines(policy, look),
  ];
}

/** Of all else there is data. */
function keptOf(id: string): string {
  return id.startsWith('docker-network:') ? 'not made by Steward, and kept' : 'data kept';
}

function total({ services: list, problems, degraded = [] }: Status): string {
  const counts = new Map<string, number>();
  for (const { state } of list) counts.set(state, (counts.get(state) ?? 0) + 1);
  const states = [...counts].map(([state, count]) => `${count} ${state}`).join(', ');
  const ill = degraded.length === 0 ? '' : ` · ${degraded.length} degraded`;
  const wrong = problems.length === 0 ? '' : ` · ${plural(problems.length, 'problem')}`;
  return `${plural(list.length, 'service')}${states === '' ? '' : `: ${states}`}${ill}${wrong}`;
}

const short = (commit: string): string => safe(commit.slice(0, 7));
