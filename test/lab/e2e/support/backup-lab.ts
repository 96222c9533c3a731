import { type Homelab, startHomelab } from './homelab.ts';
import { composeFile, type Files, git, idle, labYaml, small } from './lab-files.ts';

/** Archives go over SSH to another user of the same server. */
export const location = 'ssh://borg@localhost/backup/borg';
const passphraseFile = '/etc/steward/borg-passphrase';

export const backupLabYaml = `${labYaml}backup:
  repository: ${location}
  passphrase: { file: ${passphraseFile} }
  compression: lz4
  retention: { daily: 7 }
`;

/** Two containers, one of which waits for the other: quick to stop and to start, quick to archive. */
export const pair: Files = {
  'services/pair/docker-compose.yml': composeFile(
    [
      idle('pair-store', {
        network: 'pair_net',
        more: '    user: "1000:1000"\n    volumes: ["/datapool/services/pair/data:/data"]\n',
      }),
      idle('pair-web', { network: 'pair_net', more: '    depends_on: [pair-store]\n' }),
    ],
    'pair_net',
  ),
  'services/pair/service.yaml': 'version: 1\ndataset: { children: { data: {} } }\n',
};

/** A PostgreSQL that is written to all the time, with everything converged and its repository made. */
export async function startBackupLab(files: Files = git, more = ''): Promise<Homelab> {
  const lab = await startHomelab();
  await lab.vm.writeFile(passphraseFile, 'correct horse battery staple\n');
  await lab.run(`chmod 600 ${passphraseFile}`);
  await lab.push({ 'lab.yaml': backupLabYaml + more, ...files });
  await lab.converge();
  return lab;
}

/** Borg as Steward calls it, by hand. */
export function borg(command: string): string {
  return borgEnv(`borg ${command}`);
}

/** A command that calls Borg, with the key, the cache and the passphrase that Steward has. */
export function borgEnv(command: string): string {
  return `BORG_BASE_DIR=/var/lib/steward/borg TZ=UTC BORG_PASSCOMMAND='cat ${passphraseFile}' ${command}`;
}

/** Prints how many mounts there are below `folder`, those in a namespace of some process too, which is where ours are. */
export function mountsBelow(folder: string): string {
  return `cat /proc/[0-9]*/mounts 2> /dev/null | grep -c ${folder} || true`;
}

/** What a run that is over must not leave: snapshots, mounts, borg processes, open undo entries. */
export async function leftBehind(lab: Homelab) {
  const lines = await lab.run(
    [
      'zfs list -H -t snapshot -o name',
      'echo --',
      mountsBelow('/run/steward/backup'),
      'pgrep -c borg || true',
      "sqlite3 -readonly /var/lib/steward/state.db 'select count(*) from undo'",
    ].join('; '),
  );
  const [snapshots = '', counts = ''] = lines.split('--\n');
  const [mounts = '', processes = '', undo = ''] = counts.split('\n');
  return { snapshots: snapshots.split('\n').filter(Boolean), mounts, processes, undo };
}

/** A minute ago it was the day before: sets the server's clock to the next 03:00:10 UTC and gives the tick. */
export async function nextTick(lab: Homelab): Promise<string> {
  const day = await lab.run('date -u -s "$(date -u -d tomorrow +%F) 03:00:10" +%F');
  return `${day.trim()}T03:00:00Z`;
}

/** As long as a next attempt may be put off. */
export const later = (lab: Homelab, minutes = 61) => lab.run(`date -s '+${minutes} minutes'`);

/** Backed up every night at three, and one container that stops at once. */
export function nightly(name: string): Files {
  const files = small(name);
  return {
    ...files,
    [`services/${name}/service.yaml`]: 'version: 1\nbackup: { schedule: "0 3 * * *", timezone: UTC }\n',
  };
}

export interface RunJson {
  service: string;
  at: number;
  durationMs: number;
  result: string;
  what: string;
  error: string | null;
  archive: string | null;
  notes: string[];
}

/** Oldest first. */
export async function history(lab: Homelab, service = ''): Promise<RunJson[]> {
  return JSON.parse(await lab.run(`steward backup history ${service} --output json`)) as RunJson[];
}

/** Names in the repository of a service, as Borg has them. */
export async function archivesOf(lab: Homelab, service: string): Promise<string[]> {
  const listed = await lab.run(borg(`list --short ${location}/datapool_services_${service}`));
  return listed.split('\n').filter(Boolean);
}
