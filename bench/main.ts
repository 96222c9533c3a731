import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installInto } from '../packaging/bundle.ts';
import { type Daemon, startDaemon } from './docker-daemon.ts';
import { dockerRows } from './docker-rows.ts';
import { dockerConfigOf, makeReady, runThere } from './own-network.ts';
import { machine, printRow, printSummary, type Row } from './report.ts';
import { routeRows } from './route-rows.ts';
import { simulatorRows } from './simulator-rows.ts';

/**
 * `npm run bench`: Steward against docker compose, both in this one run, on a Docker daemon of its own; then a new
 * route through a real Caddy; then growth and memory on the simulated host. Processes of their own run the package as it
 * is published. `npm run bench -- docker`, `-- routes` or `-- simulator` runs one part. Exit 0 when every target was
 * met, 1 when one was missed or could not be measured.
 */
const halves = ['docker', 'routes', 'simulator'] as const;
const longestMs = 12 * 60_000;

const homeVariable = 'STEWARD_BENCH_HOME';
const withoutDockerVariable = 'STEWARD_BENCH_WITHOUT_DOCKER';

const home = process.env[homeVariable];
process.exit(
  home === undefined ? await start(process.argv.slice(2)) : await main(home, process.argv.slice(2)),
);

/** Makes everything ready, and runs itself again in a network of its own. */
async function start(wanted: string[]): Promise<number> {
  const made = mkdtempSync(join(tmpdir(), 'steward-bench-'));
  try {
    await installInto(join(made, 'steward'));
    const env = { ...process.env, [homeVariable]: made };
    const why = await makeReady(made).then(
      () => null,
      (error: Error) => error.message,
    );
    if (why === null) return await runThere([import.meta.filename, ...wanted], env);
    Object.assign(process.env, env, { [withoutDockerVariable]: why });
    return await main(made, wanted);
  } finally {
    rmSync(made, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function main(home: string, wanted: string[]): Promise<number> {
  const rows: Row[] = [];
  const skipped: string[] = [];
  const onRow = (row: Row) => {
    rows.push(row);
    printRow(row);
  };
  process.stdout.write(`${machine().join('\n')}\n\n`);
  for (const half of halves) {
    if (wanted.length > 0 && !wanted.includes(half)) continue;
    const work =
      half === 'simulator'
        ? inTime(simulatorRows(home, onRow))
        : withDocker(join(home, half), half === 'docker' ? dockerRows : routeRows, home, onRow);
    await work.catch((error: Error) => {
      skipped.push(`${half}: ${error.message}`);
    });
  }
  printSummary(rows, skipped);
  return skipped.length === 0 && rows.every((row) => row.met) ? 0 : 1;
}

type DockerRows = (home: string, daemon: Daemon, onRow: (row: Row) => void) => Promise<void>;

/** Each half has a daemon of its own: containers of one are no load on the other. */
async function withDocker(
  own: string,
  rows: DockerRows,
  home: string,
  onRow: (row: Row) => void,
): Promise<void> {
  const why = process.env[withoutDockerVariable];
  if (why !== undefined) throw new Error(why);
  mkdirSync(own);
  await using daemon: Daemon = await startDaemon(own, dockerConfigOf(home));
  const { version, composeVersion } = daemon;
  process.stdout.write(`Docker ${version}, compose ${composeVersion}\n\n`);
  await inTime(rows(home, daemon, onRow));
}

/** Whatever hangs: the bench ends, and its daemon with it. */
function inTime<T>(work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error('not done within 12 minutes')), longestMs);
  return Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
}
