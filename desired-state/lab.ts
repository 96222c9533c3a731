import { isBelow, type RepositoryFiles } from './files.ts';
import { parseYaml, type YamlFile } from './locate.ts';
import { errorAt } from './problems.ts';
import { networkAddress, overlap, parseCidr } from './schema/cidr.ts';
import { checkFile } from './schema/explain.ts';
import { type Lab, labSchema } from './schema/lab.ts';
import { sentPasswordRules } from './sent-passwords.ts';
import type { Problem } from './types.ts';

export interface LabFile {
  lab: Lab;
  yaml: YamlFile;
  problems: Problem[];
  /** False where a part could not be read: what services say about it is then not judged. */
  ownersKnown: boolean;
  storageKnown: boolean;
  backupKnown: boolean;
}

/** Reads lab.yaml. Parts that are wrong fall back to defaults, so that the services can be checked all the same. */
export async function readLab(files: RepositoryFiles): Promise<LabFile> {
  const content = files.read('lab.yaml');
  if (content === null) return missingLab(files);
  const yaml = parseYaml('lab.yaml', content.bytes);
  const { value, problems } = checkFile(yaml, labSchema);
  if (value) return { lab: value, yaml, problems: labRules(value, yaml), ...allKnown };
  return { ...salvage(yaml), yaml, problems };
}

async function missingLab(files: RepositoryFiles): Promise<LabFile> {
  const start = { file: 'lab.yaml', line: 1, column: 1 };
  const other = files.state('lab.yml') === 'file';
  const leaves = files.state('lab.yaml') === 'outside';
  const message = leaves ? 'lab.yaml is a symbolic link that leaves the repository' : 'there is no lab.yaml';
  const fix = other ? 'rename lab.yml to lab.yaml' : 'write one, or start with `steward init`';
  const yaml = parseYaml('lab.yaml', new Uint8Array());
  return { ...salvage(yaml), yaml, problems: [errorAt(start, message, fix)] };
}

/** Where the datasets of services go; null in a lab of stacks only. */
export function storageOf({ storage }: Lab): { parent: string; mountpoint: string } | null {
  return storage === undefined ? null : { parent: storage.parent, mountpoint: storage.mountpoint };
}

const allKnown = { ownersKnown: true, storageKnown: true, backupKnown: true };

const placeholder = {
  version: 1,
  name: 'lab',
};

/** Stands in for a storage that could not be read: there is meant to be one. */
const unknownStorage = { parent: 'unknown/services', mountpoint: '/unknown/services' };

function salvage(yaml: YamlFile): Omit<LabFile, 'yaml' | 'problems'> {
  const given = typeof yaml.value === 'object' && yaml.value !== null ? Object.entries(yaml.value) : [];
  const good = given.filter(([key, value]) => labSchema.safeParse({ ...placeholder, [key]: value }).success);
  const lab = labSchema.parse({ ...placeholder, ...Object.fromEntries(good) });
  const kept = (key: string) => good.some(([name]) => name === key);
  // An unknown key may be the one that is missing, misspelt.
  const isMisspelt = given.some(([key]) => !(key in labSchema.shape));
  const isKnown = (key: string) =>
    yaml.value !== undefined && (kept(key) || !(isMisspelt || given.some(([name]) => name === key)));
  const storageKnown = isKnown('storage');
  if (!storageKnown) lab.storage = unknownStorage;
  return { lab, storageKnown, ownersKnown: isKnown('owners'), backupKnown: isKnown('backup') };
}

/** Rules between the fields of lab.yaml. */
function labRules(lab: Lab, yaml: YamlFile): Problem[] {
  return [
    ...poolRules(lab, yaml),
    ...subnetRules(lab, yaml),
    ...storageRules(lab, yaml),
    ...backupRules(lab, yaml),
    ...dnsRules(lab, yaml),
    ...sentPasswordRules(lab, yaml),
  ];
}

function poolRules(lab: Lab, yaml: YamlFile): Problem[] {
  const pool = parseCidr(lab.networks.pool);
  if (!pool || lab.networks.prefix >= pool.prefix) return [];
  const { prefix } = lab.networks;
  const message = `a subnet of prefix ${prefix} is larger than the pool ${lab.networks.pool}`;
  return [
    errorAt(
      yaml.at(['networks', 'prefix']),
      message,
      `write a prefix from ${pool.prefix} to 29`,
      String(prefix),
    ),
  ];
}

function backupRules({ backup, storage }: Lab, yaml: YamlFile): Problem[] {
  if (backup === undefined) return [];
  const at = yaml.atKey(['backup']);
  const problems: Problem[] = [];
  if (storage === undefined)
    problems.push(
      errorAt(at, 'backups read snapshots of datasets, and lab.yaml names no storage', 'add storage'),
    );
  if (backup.passphrase === undefined && backup.encryption !== 'none')
    problems.push(
      errorAt(
        at,
        `backups are encrypted (${backup.encryption}), and there is no passphrase`,
        'write passphrase: { file: /etc/steward/borg-passphrase }',
      ),
    );
  return problems;
}

function dnsRules({ dns, hub }: Lab, yaml: YamlFile): Problem[] {
  if (dns === undefined || hub !== undefined) return [];
  const message = 'DNS records lead to the hub, and lab.yaml names none';
  return [errorAt(yaml.atKey(['dns']), message, 'add hub, with its address')];
}

function subnetRules(lab: Lab, yaml: YamlFile): Problem[] {
  const fixed = Object.entries(lab.networks.subnets);
  const problems: Problem[] = [];
  for (const [index, [name, cidr]] of fixed.entries()) {
    const twin = fixed.slice(0, index).find(([, other]) => overlaps(cidr, other));
    const at = yaml.at(['networks', 'subnets', name]);
    if (twin)
      problems.push(
        errorAt(at, `the subnet of ${name} overlaps that of ${twin[0]}, ${twin[1]}`, 'choose another', cidr),
      );
  }
  return problems;
}

function overlaps(a: string, b: string): boolean {
  const [left, right] = [parseCidr(a), parseCidr(b)];
  return left !== undefined && right !== undefined && overlap(left, right);
}

function storageRules(lab: Lab, yaml: YamlFile): Problem[] {
  const mountpoint = lab.storage?.mountpoint;
  if (mountpoint === undefined || !isSystems(mountpoint)) return hubRules(lab, yaml);
  const fix = 'write a directory of its own such as /datapool/services';
  return [
    errorAt(yaml.at(['storage', 'mountpoint']), `${mountpoint} belongs to the system`, fix, mountpoint),
    ...hubRules(lab, yaml),
  ];
}

/** A dataset that is mounted there hides what is there, and gives whoever writes to it what root runs. */
const system = '/bin /boot /dev /etc /lib /lib32 /lib64 /proc /root /run /sbin /sys /usr'.split(' ');
const shared = '/home /tmp /var /var/lib /var/cache /var/log /var/spool'.split(' ');
const others = '/var/lib/docker /var/lib/containerd /var/lib/dpkg /var/lib/steward /var/spool/cron'.split(
  ' ',
);

function isSystems(mountpoint: string): boolean {
  return shared.includes(mountpoint) || [...system, ...others].some((root) => isBelow(mountpoint, root));
}

function hubRules(lab: Lab, yaml: YamlFile): Problem[] {
  const address = lab.hub?.address;
  if (address === undefined || !overlaps(`${address}/32`, lab.networks.pool)) return [];
  const message = `the hub's address ${address} lies in the pool of container networks ${networkAddress(lab.networks.pool)}`;
  return [
    errorAt(yaml.at(['hub', 'address']), message, "write the server's address in the home network", address),
  ];
}
