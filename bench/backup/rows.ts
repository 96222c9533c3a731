import { borgEnv } from '../../test/lab/e2e/support/backup-lab.ts';
import type { Homelab } from '../../test/lab/e2e/support/homelab.ts';
import { median, type Row, series } from '../report.ts';
import { large, lastRun, makeByHandRepositories, services, timed } from './server.ts';

/** The table of the backups: each row measures both sides in turns, in the same server. */

const rounds = 3;
const [first = ''] = services;

function compose(service: string, command: string): string {
  return `docker compose -p ${service} -f /root/by-hand/${service}/docker-compose.yml ${command}`;
}

export async function downtimeAlone(lab: Homelab): Promise<Row> {
  const [own, hand]: [number[], number[]] = [[], []];
  await lab.run(`steward backup run ${first}`);
  for (let round = 0; round < rounds; round += 1) {
    hand.push(await timed(lab, `${compose(first, 'stop')} && ${compose(first, 'start')}`));
    await lab.run(`steward backup run ${first}`);
    own.push((await lastRun(lab, first)).downtimeMs);
  }
  return downtimeRow('downtime of a service', own, hand);
}

export async function downtimeAmongOthers(lab: Homelab): Promise<Row> {
  const [own, hand]: [number[], number[]] = [[], []];
  for (let round = 0; round < 2; round += 1) {
    hand.push(await timed(lab, `${compose(first, 'stop')} && ${compose(first, 'start')}`));
    await lab.run(`steward backup run ${services.join(' ')} ${large}`);
    own.push((await lastRun(lab, first)).downtimeMs);
  }
  return downtimeRow('downtime of a service when ten others are due too', own, hand);
}

function downtimeRow(what: string, own: number[], hand: number[]): Row {
  const ratio = median(own) / median(hand);
  return {
    what: `${what}, against \`docker compose stop\` + \`docker compose start\` of the same stack alone`,
    target: 'at most 1.15 ×',
    result: `${ratio.toFixed(2)} ×`,
    met: ratio <= 1.15,
    raw: [
      series('compose stop + start', hand),
      series('steward: from the first stop to the last start', own),
    ],
  };
}

export async function tenServices(lab: Homelab): Promise<Row> {
  await makeByHandRepositories(lab, services);
  const script = (tag: string) => borgEnv(`sh /root/documented-way.sh ${tag} ${services.join(' ')}`);
  const steward = `steward backup run ${services.join(' ')}`;
  // The first archives of both are made beforehand: a usual night is compared.
  await lab.run(script('warm'));
  await lab.run(steward);
  const [own, hand, down, handDown]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (const tag of ['one', 'two']) {
    const byHand = await watched(lab, script(tag));
    const byUs = await watched(lab, steward);
    hand.push(byHand.ms);
    handDown.push(byHand.downMs);
    own.push(byUs.ms);
    down.push(byUs.downMs);
  }
  const [faster, share] = [median(hand) / median(own), median(down) / median(handDown)];
  return {
    what: "whole cycle for ten services, against the documentation's way as a shell script",
    target: 'faster, and with at most a tenth of the summed downtime',
    result: `${faster.toFixed(2)} times as fast, with ${share.toFixed(2)} of the downtime`,
    met: faster > 1 && share <= 0.1,
    raw: [
      series('the script', hand),
      series('steward backup run of all ten', own),
      series(
        'the script: summed over the services, from the first container down to the last one up, as Docker tells it',
        handDown,
      ),
      series('steward: the same sum', down),
    ],
  };
}

/** How long a command takes, and how long services are down for it: of both sides as Docker itself tells it. */
async function watched(lab: Homelab, command: string): Promise<{ ms: number; downMs: number }> {
  await lab.run(watchContainers);
  const ms = await timed(lab, command);
  return { ms, downMs: downtimes(await lab.run('kill $(cat /tmp/events.pid); cat /tmp/events')) };
}

const watchContainers = `docker events --filter event=die --filter event=start --format '{{.TimeNano}} {{.Action}} {{.Actor.Attributes.name}}' > /tmp/events 2> /dev/null < /dev/null & echo $! > /tmp/events.pid`;

/** Summed over services, in ms: from the first `die` of its containers to the last `start`. */
function downtimes(events: string): number {
  const spans = new Map<string, { from: number; to: number }>();
  for (const line of events.split('\n').filter(Boolean)) {
    const [nano = '', action = '', name = ''] = line.split(' ');
    const service = name.replace(/-(store|web)$/, '');
    const atMs = Number(nano) / 1e6;
    const span = spans.get(service) ?? { from: Number.POSITIVE_INFINITY, to: 0 };
    if (action === 'die') span.from = Math.min(span.from, atMs);
    if (action === 'start') span.to = Math.max(span.to, atMs);
    spans.set(service, span);
  }
  return [...spans.values()].reduce((sum, { from, to }) => sum + Math.max(0, to - from), 0);
}
