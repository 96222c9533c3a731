import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runOk } from '../tools/run.ts';
import { type Lab, makeLab } from './lab.ts';
import { median, ms, type Row, series } from './report.ts';
import type { CycleCost } from './simulated-cycle.ts';
import { installedIn } from './steward.ts';

/** Growth with the number of services, on the simulated host: no Docker and no ZFS are needed. */

const sizes = [100, 1_000, 5_000];
const memorySize = 1_000;
const memoryLimitMb = 150;

export async function simulatorRows(home: string, onRow: (row: Row) => void): Promise<void> {
  const labs = new Map<number, Lab>();
  for (const size of sizes) labs.set(size, await simulatedLab(join(home, `lab-${size}`), size));
  onRow(await memory(home, labs.get(memorySize) as Lab));
  onRow(await growth(home, labs));
}

export function simulatedLab(home: string, count: number): Promise<Lab> {
  const storage = 'storage: { parent: datapool/services, mountpoint: /datapool/services }';
  const lab = `version: 1\nname: bench\n${storage}\nnetworks: { prefix: 29 }\nlimits: { parallel: 64 }\n`;
  return makeLab(home, { count, lab, compose: composeYaml });
}

function composeYaml(service: string): string {
  return `services:
  web:
    image: example/web:1.2.3
    user: "1000:1000"
    restart: unless-stopped
    environment:
      REVISION: "1"
    volumes: ["/datapool/services/${service}/data:/data"]
    networks: [${service}_net]
networks:
  ${service}_net:
    external: true
`;
}

async function growth(home: string, labs: Map<number, Lab>): Promise<Row> {
  const costs: { size: number; idle: number; cost: CycleCost }[] = [];
  for (const [size, lab] of labs) {
    const cost = await cycleCost(lab, join(home, `state-${size}`));
    costs.push({ size, idle: median(cost.idleMs), cost });
  }
  const steps = costs.slice(1).map((cost, index) => stepOf(costs[index] as typeof cost, cost));
  return {
    what: `cost of a cycle on the simulator, ${sizes.join(' → ')} services`,
    target: 'each step at most 1.2 × the ratio of sizes',
    result: steps.map(({ factor, ratio }) => `× ${factor.toFixed(1)} for × ${ratio}`).join(', '),
    met: steps.every(({ factor, ratio }) => factor <= 1.2 * ratio),
    raw: costs.flatMap(({ size, cost }) => [
      series(`${size} services, nothing to do`, cost.idleMs),
      `${size} services, first cycle: load ${ms(cost.loadMs)}, plan ${ms(cost.planMs)}, apply ${ms(cost.applyMs)}`,
    ]),
  };
}

function stepOf(from: { size: number; idle: number }, to: { size: number; idle: number }) {
  return { factor: to.idle / from.idle, ratio: to.size / from.size };
}

/** In a process of its own: what one size left on the heap must not weigh on the next. */
async function cycleCost(lab: Lab, stateDir: string): Promise<CycleCost> {
  const script = new URL('./simulated-cycle.ts', import.meta.url).pathname;
  const printed = await runOk(process.execPath, [script, lab.bare, stateDir], { timeoutMs: 240_000 });
  return JSON.parse(printed) as CycleCost;
}

async function memory(home: string, lab: Lab): Promise<Row> {
  const stateDir = join(home, 'state-memory');
  const args = ['reconcile', '--host', 'simulator', '--repo', lab.bare, '--state-dir', stateDir];
  const child = spawn(
    process.execPath,
    [installedIn(home), ...args, '--interval', '1s', '--listen', '127.0.0.1:0'],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, STEWARD_LOG_LEVEL: 'debug' },
    },
  );
  try {
    const log = child.stderr.setEncoding('utf8');
    await converged(log);
    const samples: number[] = [];
    for (let sample = 0; sample < 10; sample += 1) {
      await delay(1_000);
      samples.push(statusMb(child.pid, 'VmRSS'));
    }
    return memoryRow(samples, statusMb(child.pid, 'VmHWM'));
  } finally {
    child.kill('SIGTERM');
  }
}

/** The loop says so at debug level. Throws where it ends before. */
async function converged(log: AsyncIterable<string> & NodeJS.ReadableStream): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const late = AbortSignal.timeout(90_000);
  late.addEventListener('abort', () => reject(new Error('the loop did not converge within 90 s')));
  log.on('data', (text: string) => {
    if (text.includes('"result":"converged"')) resolve();
  });
  log.on('end', () => reject(new Error('the loop ended before it converged')));
  await promise;
}

function memoryRow(samples: number[], peak: number): Row {
  const highest = Math.max(...samples);
  return {
    what: `memory of the loop at ${memorySize} services, simulated host included`,
    target: `under ${memoryLimitMb} MB RSS`,
    result: `${highest.toFixed(0)} MB at most while it runs on`,
    met: highest < memoryLimitMb,
    raw: [
      `every second after it converged: ${samples.map((sample) => sample.toFixed(0)).join(', ')} MB`,
      `highest ever, while all ${memorySize} were made: ${peak.toFixed(0)} MB`,
    ],
  };
}

function statusMb(pid: number | undefined, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  if (kib === undefined) throw new Error(`/proc/${pid}/status has no ${field}`);
  return (Number(kib) * 1024) / 1e6;
}
