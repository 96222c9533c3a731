import { readFileSync } from 'node:fs';
import {
  borg,
  borgEnv,
  location as byHandFolder,
  startBackupLab,
} from '../../test/lab/e2e/support/backup-lab.ts';
import type { Homelab } from '../../test/lab/e2e/support/homelab.ts';
import { composeFile, type Files, idle } from '../../test/lab/e2e/support/lab-files.ts';

/** The lab server of the backup bench: ten small stacks and one with many files, for Steward and for the script. */
export const services = Array.from({ length: 10 }, (_, index) => `svc${index}`);
export const large = 'large';

function stack(name: string): string {
  const data = `    volumes: ["/datapool/services/${name}/data:/data"]\n`;
  return composeFile(
    [
      idle(`${name}-store`, { network: `${name}_net`, more: data }),
      idle(`${name}-web`, { network: `${name}_net`, more: `    depends_on: [${name}-store]\n` }),
    ],
    `${name}_net`,
  );
}

export async function startServer(): Promise<Homelab> {
  const files: Files = {};
  for (const name of [...services, large]) files[`services/${name}/docker-compose.yml`] = stack(name);
  const lab = await startBackupLab(files);
  await lab.vm.writeFile(
    '/root/documented-way.sh',
    readFileSync(new URL('documented-way.sh', import.meta.url), 'utf8'),
  );
  for (const name of [...services, large])
    await lab.vm.writeFile(`/root/by-hand/${name}/docker-compose.yml`, stack(name));
  for (const name of services)
    await lab.run(
      `for i in $(seq 50); do head -c 20000 /dev/urandom > /datapool/services/${name}/data/file-$i; done`,
    );
  return lab;
}

/** Both sides send to the same user over SSH, with the same key and the same encryption. */
export function byHandLocation(service: string): string {
  return `${byHandFolder}/by-hand_${service}`;
}

export async function makeByHandRepositories(lab: Homelab, names: string[]): Promise<void> {
  for (const name of names)
    await lab.run(borg(`init -e repokey-blake2 ${byHandLocation(name)} 2> /dev/null || true`));
}

export { borg, borgEnv };

/** How long a command takes in the server, in ms, by the server's own clock. */
export async function timed(lab: Homelab, command: string): Promise<number> {
  const out = await lab.run(
    `a=$(date +%s%N); { ${command}; } > /tmp/timed.log 2>&1 || { cat /tmp/timed.log >&2; exit 1; }; b=$(date +%s%N); echo $(( (b - a) / 1000 ))`,
  );
  return Number(out.trim().split('\n').at(-1)) / 1000;
}

/** The newest run of a service, as `backup history` tells it. */
export async function lastRun(
  lab: Homelab,
  service: string,
): Promise<{ downtimeMs: number; durationMs: number; files: number; filesRead: number }> {
  const runs = JSON.parse(await lab.run(`steward backup history ${service} --limit 1 --output json`));
  return runs[0];
}
