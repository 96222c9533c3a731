/**
 * Mounts that hold nobody's data, as rules: no archive of them would bring anything back. Whatever is not here, and on no
 * dataset with a backup, is named as uncovered, `/etc` and `/tmp` too.
 */
interface NoData {
  /** Of a host path. */
  path: RegExp;
  /** Only where the container cannot write there: else it may keep something of its own. */
  onlyReadOnly: boolean;
  why: string;
}

/** What clocks are set by. */
export const clocks = /^\/etc\/(localtime|timezone)$|^\/usr\/share\/zoneinfo(\/|$)/;

export const noData: readonly NoData[] = [
  {
    path: /^\/(dev|proc|sys|run|var\/run)(\/|$)/,
    onlyReadOnly: false,
    why: 'the kernel, or who starts after it, makes it anew at every boot',
  },
  { path: /\.sock(et)?$/, onlyReadOnly: false, why: 'a socket holds nothing' },
  { path: clocks, onlyReadOnly: true, why: 'the installation of the server says it again' },
  {
    path: /^\/etc\/(group|hostname|hosts|machine-id|nsswitch\.conf|os-release|passwd|resolv\.conf|ssl\/certs)$/,
    onlyReadOnly: true,
    why: 'the installation of the server says it again',
  },
  {
    path: /^\/(usr\/)?(bin|lib|lib32|lib64|sbin)(\/|$)|^\/(boot|usr\/share)(\/|$)/,
    onlyReadOnly: true,
    why: 'packages of the distribution bring it',
  },
  { path: /^\/$/, onlyReadOnly: true, why: 'it looks at the whole server, as monitoring does' },
];

export function isNoData({ source, readOnly }: { source: string; readOnly: boolean }): boolean {
  return noData.some(({ path, onlyReadOnly }) => path.test(source) && (readOnly || !onlyReadOnly));
}
