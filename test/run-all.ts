import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { whole, wholeOnly } from './lab/scope.ts';
import { setUpHost } from './setup-host.ts';

/**
 * `npm test`: sets the machine up, checks the code, runs every test, the lab VM's included. What cannot run here is
 * said loudly and counted as skipped. The last line counts.
 */
interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

const root = new URL('..', import.meta.url).pathname;
const reports = mkdtempSync(join(tmpdir(), 'steward-test-'));
const total: Count = { passed: 0, failed: 0, skipped: 0 };
/** Told once more at the very end: above it lie hours of other output. */
const failures: string[] = [];

const missing = await setUpHost();
const labMissing = missing.filter((sentence) => sentence.includes('(the lab VM)'));
const isLab = labMissing.length === 0;
// Mostly one compiler at work: the first time, all else goes on beside it. What went wrong is seen where it is needed.
const built = isLab ? spawned('node', ['test/lab/cli.ts', 'build']) : null;
await suite('check', 'npm', ['run', '--silent', 'check']);
await vitest('unit', 'vitest.config.ts');
await built;
if (isLab) {
  await vitest('lab', 'vitest.lab.config.ts');
  if (!whole) tellTheRest();
} else {
  total.skipped += 1;
  for (const sentence of labMissing) process.stdout.write(`SKIPPED the lab VM: ${sentence}\n`);
}
rmSync(reports, { recursive: true });
if (failures.length > 0) process.stdout.write(`\n== what failed\n${failures.join('\n')}\n`);
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;

function tellTheRest(): void {
  process.stdout.write('\nSTEWARD_LAB_ALL=1 npm test runs these too, and more places to die at:\n');
  for (const [file, why] of Object.entries(wholeOnly)) process.stdout.write(`  ${file} (${why})\n`);
}

/** A program that passes or fails as one. */
async function suite(name: string, file: string, args: string[]): Promise<void> {
  process.stdout.write(`\n== ${name}\n`);
  const code = await spawned(file, args);
  if (code === 0) total.passed += 1;
  else total.failed += 1;
  if (code !== 0) failures.push(`${name}: ended with ${code}`);
}

async function vitest(name: string, config: string): Promise<void> {
  process.stdout.write(`\n== ${name}\n`);
  const report = join(reports, `${name}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const code = await spawned('vitest', ['run', '--config', config, ...reporters]);
  const counted = existsSync(report) ? countOf(report) : { passed: 0, failed: 0, skipped: 0 };
  total.passed += counted.passed;
  total.skipped += counted.skipped;
  // A suite that broke before it could count its tests has failed all the same.
  const broke = code !== 0 && counted.failed === 0;
  total.failed += broke ? 1 : counted.failed;
  if (broke) failures.push(`${name}: ended with ${code}, and no test of it failed`);
  if (existsSync(report)) failures.push(...failuresOf(report));
}

interface Report {
  numPassedTests?: number;
  numFailedTests?: number;
  numPendingTests?: number;
  numTodoTests?: number;
  testResults?: { name: string; message?: string; assertionResults: TestResult[] }[];
}

interface TestResult {
  fullName: string;
  status: string;
  failureMessages: string[];
}

function failuresOf(report: string): string[] {
  const files = read(report).testResults ?? [];
  return files.flatMap(({ name, message, assertionResults }) => {
    const file = relative(root, name);
    const failed = assertionResults.filter(({ status }) => status === 'failed');
    const ofFile = failed.length === 0 && message ? [`${file}\n${message}`] : [];
    return [
      ...ofFile,
      ...failed.map((test) => [`${file}: ${test.fullName}`, ...test.failureMessages].join('\n')),
    ];
  });
}

function read(report: string): Report {
  return JSON.parse(readFileSync(report, 'utf8')) as Report;
}

function countOf(report: string): Count {
  const json = read(report);
  const skipped = (json.numPendingTests ?? 0) + (json.numTodoTests ?? 0);
  return { passed: json.numPassedTests ?? 0, failed: json.numFailedTests ?? 0, skipped };
}

function spawned(file: string, args: string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(file, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', () => resolve(127));
    child.on('exit', (code) => resolve(code ?? 1));
  });
}
