import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Answer } from '../support/fake-docker-api.ts';
import type { Lab } from './lab.ts';

/** What the tools of a traced host answer: `$LOG` in a script is the list of calls, `$STATE` the lab's folder. */

/** Files of a repository whose services are archived; one archive is kept, and those by hand of the last day. */
export function backedUp(lab: Lab, services: string[]): Record<string, string> {
  const passphrase = join(lab.root, 'passphrase');
  writeFileSync(passphrase, 'correct horse\n', { mode: 0o600 });
  const backup = `{ repository: /backup, passphrase: { file: ${passphrase} }, retention: { daily: 1 } }`;
  const storage = `{ parent: datapool/services, mountpoint: ${lab.root}/services }`;
  const labYaml = `version: 1\nname: homelab\nstorage: ${storage}\nbackup: ${backup}\n`;
  const stack = 'services: { store: { image: "idle:1" }, web: { image: "idle:1" } }\n';
  const files = services.map((service) => [`services/${service}/docker-compose.yml`, stack]);
  return { 'lab.yaml': labYaml, ...Object.fromEntries(files) };
}

const folderOf = (lab: Lab, service: string) => join(lab.root, 'services', service);

/** As in /proc/self/mountinfo, for a folder that is no mount: the id is that of the file system around it. */
export function mountLine(lab: Lab, service: string): string {
  const descriptor = openSync(folderOf(lab, service), 'r');
  const id = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))?.[1];
  closeSync(descriptor);
  return `${id} 28 0:45 / ${folderOf(lab, service)} rw shared:5 - zfs datapool/services/${service} rw`;
}

export function zfsScript(lab: Lab, services: string[]): string {
  const datasets = [
    ['datapool/services', join(lab.root, 'services')],
    ...services.map((service) => [`datapool/services/${service}`, folderOf(lab, service)]),
  ];
  for (const [, mountpoint = ''] of datasets) mkdirSync(join(mountpoint, 'data'), { recursive: true });
  const rows = datasets.flatMap(([name = '', mountpoint = ''], guid) => [
    `${name}\tguid\t${guid + 1}\t-`,
    `${name}\tmounted\tyes\t-`,
    `${name}\tmountpoint\t${mountpoint}\tdefault`,
  ]);
  writeFileSync(join(lab.root, 'datasets'), `${rows.join('\n')}\n`);
  return `case "$*" in
"get -Hp -t"*) echo "zfs get all" >> "$LOG"; cat "$STATE/datasets" ;;
get*) echo "zfs get" >> "$LOG"; printf '%s\\tlocal\\n' "$(cat "$STATE/run-of-snapshot")" ;;
snapshot*) echo "zfs snapshot" >> "$LOG"; echo "\${3#*=}" > "$STATE/run-of-snapshot" ;;
*) echo "zfs $1" >> "$LOG" ;;
esac`;
}

export function composeScript(lab: Lab, services: string[]): string {
  for (const service of services) writeFileSync(join(lab.root, `${service}.json`), projectOf(lab, service));
  return `case "$*" in
version*) echo "compose version" >> "$LOG"; echo 2.26.1 ;;
*) echo "compose config" >> "$LOG"; case "$*" in *--hash*) echo "web w"; echo "store s" ;; *) cat "$STATE/$2.json" ;; esac ;;
esac`;
}

export const borgScript = `echo "borg $1" >> "$LOG"
archive=$(for last; do case "$last" in *::*) echo "\${last#*::}" ;; esac; done)
case "$1" in
init) : > "$STATE/repository" ;;
list) [ -e "$STATE/repository" ] || exit 13
  echo '{"repository":{"id":"r1"},"encryption":{"mode":"repokey-blake2"},"archives":[]}' ;;
create) stats='{"nfiles":3,"original_size":50,"compressed_size":40,"deduplicated_size":9}'
  echo "{\\"archive\\":{\\"name\\":\\"$archive\\",\\"id\\":\\"a1\\",\\"duration\\":1,\\"stats\\":$stats},\\"repository\\":{\\"id\\":\\"r1\\"}}" ;;
delete) first=$archive; while [ $# -gt 0 ]; do case "$1" in *.checkpoint*) echo "{\\"type\\":\\"log_message\\",\\"levelname\\":\\"WARNING\\",\\"message\\":\\"Archive $1 not found (2/3).\\"}" >&2 ;; esac; shift; done ;;
esac`;

/** `replaced`: services whose containers are others by now. */
export function dockerAnswer(
  call: string,
  lab: Lab,
  services: string[],
  replaced: ReadonlySet<string>,
): ReturnType<Answer> {
  const [method, target = ''] = call.split(' ');
  if (method === 'POST') return { status: 204 };
  if (target.startsWith('/info')) return { body: { ServerVersion: '26.1.5', SecurityOptions: [] } };
  if (target.startsWith('/networks') || target.startsWith('/images')) return { body: [] };
  const one = /^\/containers\/([\w-]+)\/json/.exec(target)?.[1];
  if (one !== undefined) return { body: { Id: one, State: { Running: true }, Config: {} } };
  return { body: services.flatMap((service) => containersOf(lab, service, replaced.has(service))) };
}

function containersOf(lab: Lab, service: string, isNew: boolean) {
  const container = (name: string, dependsOn: string) => ({
    Id: `${service}-${name}${isNew ? '-new' : ''}`,
    Names: [`/${service}-${name}`],
    Image: 'idle:1',
    State: 'running',
    Status: 'Up 5 minutes',
    Labels: {
      'com.docker.compose.project': service,
      'com.docker.compose.service': name,
      'com.docker.compose.depends_on': dependsOn,
    },
    Mounts: [{ Type: 'bind', Source: join(folderOf(lab, service), 'data'), RW: true }],
  });
  return [container('store', ''), container('web', 'store:service_started:false')];
}

/** What compose says of each service's stack. */
function projectOf(lab: Lab, name: string): string {
  const service = (depends_on: object) => ({
    image: 'idle:1',
    networks: { [`${name}_net`]: null },
    depends_on,
    volumes: [{ type: 'bind', source: join(folderOf(lab, name), 'data'), target: '/data' }],
  });
  const services = {
    store: service({}),
    web: service({ store: { condition: 'service_started', required: true } }),
  };
  return JSON.stringify({
    name,
    networks: { [`${name}_net`]: { name: `${name}_net`, external: true } },
    services,
  });
}
