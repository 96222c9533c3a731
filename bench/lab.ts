import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runOk } from '../tools/run.ts';

/** A config repository of many like services, and new commits of it. */
export interface Lab {
  /** The repository that Steward follows. */
  bare: string;
  work: string;
  services: string[];
}

export interface LabShape {
  count: number;
  lab: string;
  compose: (service: string) => string;
  /** Path -> content of what there is besides. */
  files?: Record<string, string>;
}

export async function makeLab(home: string, shape: LabShape): Promise<Lab> {
  const lab = { bare: join(home, 'lab.git'), work: join(home, 'lab'), services: names(shape.count) };
  mkdirSync(lab.work, { recursive: true });
  writeFileSync(join(lab.work, 'lab.yaml'), shape.lab);
  for (const service of lab.services) {
    const folder = join(lab.work, 'services', service);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'docker-compose.yml'), shape.compose(service));
  }
  for (const [file, content] of Object.entries(shape.files ?? {})) put(lab, file, content);
  await runOk('git', ['init', '-q', '--bare', '-b', 'main', lab.bare]);
  await runOk('git', ['init', '-q', '-b', 'main', lab.work]);
  await commitAll(lab, 'The lab');
  await git(lab, 'push', '-q', lab.bare, 'main');
  return lab;
}

function names(count: number): string[] {
  const width = String(count).length;
  return Array.from({ length: count }, (_, index) => `s${String(index + 1).padStart(width, '0')}`);
}

function put({ work }: Lab, file: string, content: string): void {
  mkdirSync(dirname(join(work, file)), { recursive: true });
  writeFileSync(join(work, file), content);
}

/** Changes one service. */
export async function prepareChange(lab: Lab, service: string): Promise<{ publish(): void }> {
  const file = join(lab.work, 'services', service, 'docker-compose.yml');
  const text = readFileSync(file, 'utf8');
  const next = text.replace(/REVISION: "(\d+)"/, (_all, count) => `REVISION: "${Number(count) + 1}"`);
  if (next === text) throw new Error(`${file} has no REVISION to be changed`);
  return prepareFiles(lab, { [`services/${service}/docker-compose.yml`]: next });
}

/** Resolves when all objects are there; `publish` makes it the commit of main at one stroke. */
export async function prepareFiles(lab: Lab, files: Record<string, string>): Promise<{ publish(): void }> {
  for (const [file, content] of Object.entries(files)) put(lab, file, content);
  await commitAll(lab, `Change ${Object.keys(files).join(', ')}`);
  await git(lab, 'push', '-q', '-f', lab.bare, 'HEAD:refs/bench/next');
  const id = (await git(lab, 'rev-parse', 'HEAD')).trim();
  const ref = join(lab.bare, 'refs/heads/main');
  return {
    // As Git itself does it; a process of its own would blur the moment.
    publish() {
      writeFileSync(`${ref}.lock`, `${id}\n`);
      renameSync(`${ref}.lock`, ref);
    },
  };
}

async function commitAll(lab: Lab, message: string): Promise<void> {
  await git(lab, 'add', '-A');
  await git(
    lab,
    '-c',
    'user.name=Bench',
    '-c',
    'user.email=bench@homelab.lan',
    'commit',
    '-q',
    '-m',
    message,
  );
}

function git(lab: Lab, ...args: string[]): Promise<string> {
  return runOk('git', ['-C', lab.work, ...args], { timeoutMs: 120_000 });
}
