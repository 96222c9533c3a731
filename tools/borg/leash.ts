/**
 * The argv of a program that does not outlive this process, not even its kill -9: the kernel then kills it. Should
 * this process have died before the kernel was told, the program sees another parent and does not begin. Whatever
 * it becomes by `exec` stays on the leash; what it forks does not.
 */
export function leashed(argv: string[], pid: number = process.pid): string[] {
  const check = '[ "$PPID" = "$0" ] && exec "$@"';
  return ['setpriv', '--pdeathsig', 'KILL', 'sh', '-c', check, String(pid), ...argv];
}
