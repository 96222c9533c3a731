/** One line of /proc/self/mountinfo, see proc_pid_mountinfo(5). */
export interface Mount {
  id: number;
  /** Which directory of the file system is the root of this mount; `/` unless it is a bind mount of a part. */
  root: string;
  mountpoint: string;
  type: string;
  source: string;
}

export function parseMountinfo(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [id, , , root, mountpoint] = before.split(' ');
    const [type, source] = after.split(' ');
    if (!id || !root || !mountpoint || !type || source === undefined) return [];
    return [
      {
        id: Number(id),
        root: unescaped(root),
        mountpoint: unescaped(mountpoint),
        type,
        source: unescaped(source),
      },
    ];
  });
}

/** The kernel writes space, tab, line break and backslash as three octal digits, byte by byte. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_match, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
