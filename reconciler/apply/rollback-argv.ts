/**
 * rsync as it brings files back: owners, modes, links, ACLs and attributes as they were, times compared to the
 * nanosecond, nothing beyond the one file system.
 */
const asItWas = ['rsync', '-aHAX', '--numeric-ids', '--one-file-system', '--modify-window=-1'];

/** Where the two sides are mounted for one service, in a mount namespace of its own; `changed` is a list of files. */
export interface Places {
  snapshot: string;
  live: string;
  changed: string;
}

export function placesOf(
  { runDir, stateDir }: Record<'runDir' | 'stateDir', string>,
  service: string,
): Places {
  const at = `${runDir}/rollback/${service}`;
  return { snapshot: `${at}/snapshot`, live: `${at}/live`, changed: `${stateDir}/rollback-${service}` };
}

/** Everything that is missing, too much, or differs in size, time or owner. */
export function allFiles(places: Places, below: readonly string[]): string[] {
  const kept = below.map((path) => `--exclude=/${literal(path)}`);
  return [...asItWas, '--delete', ...kept, `${places.snapshot}/`, `${places.live}/`];
}

/**
 * By content, those that ZFS knows to have changed: a program may have put the old time back. In place, since the list
 * has one name only of a file with several.
 */
export function changedFiles(places: Places): string[] {
  const listed = ['--from0', `--files-from=${places.changed}`, '--ignore-missing-args'];
  return [...asItWas, '--checksum', '--inplace', ...listed, `${places.snapshot}/`, `${places.live}/`];
}

/** Changes nothing; prints a line for each file that still differs. */
export function differences([rsync = '', ...args]: string[]): string[] {
  return [rsync, '--dry-run', '--itemize-changes', ...args];
}

/**
 * Runs a command where the snapshot and the live dataset are mounted, and nowhere else: the mounts vanish with the
 * process, whatever ends it. The live side is a bind mount, in which the datasets below it are not to be seen. Should
 * Steward be killed, the kernel kills the command too: nothing may write when the service is started again.
 */
export function inMounts(snapshot: string, mountpoint: string, places: Places, command: string[]): string[] {
  const script = 'mount -t zfs -o ro "$1" "$2" && mount --bind "$3" "$4" && shift 4 && exec "$@"';
  const mounts = [snapshot, places.snapshot, mountpoint, places.live];
  const withUs = ['setpriv', '--pdeathsig', 'KILL', 'unshare', '--mount'];
  return [...withUs, 'sh', '-c', script, 'sh', ...mounts, ...command];
}

/** A backslash escapes only in a pattern that has a wildcard in it (rsync(1), filter rules). */
function literal(path: string): string {
  return /[*?[]/.test(path) ? path.replace(/[\\*?[]/g, '\\$&') : path;
}
