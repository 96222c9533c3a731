import { readdir, readFile } from 'node:fs/promises';

/**
 * Ends what a command in a container has left. Docker cannot end one that it has started; the kernel can. Docker makes
 * each a session of its own, which those it starts belong to as well; one that has left it is found by its parent.
 * Of each the cgroup must prove that it is of this container: a number may be somebody else's by now.
 */
export async function killSession(leader: number, containerId: string): Promise<void> {
  if (leader <= 1) return;
  // One that was being started while it was looked is there the next time.
  for (let look = 0; look < 5; look += 1) {
    const members = membersOf(leader, await processes());
    const killed = await Promise.all(members.map((pid) => kill(pid, containerId)));
    if (!killed.includes(true)) return;
  }
}

interface Process {
  pid: number;
  parent: number;
  session: number;
}

function membersOf(leader: number, all: Process[]): number[] {
  const members = new Set([leader]);
  const isNew = ({ pid, parent, session }: Process) =>
    !members.has(pid) && (session === leader || members.has(parent));
  for (let found = all.filter(isNew); found.length > 0; found = all.filter(isNew))
    for (const { pid } of found) members.add(pid);
  return [...members];
}

async function processes(): Promise<Process[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map(readProcess));
  return found.filter((each) => each !== null);
}

/** Null: it is gone, or dead. See proc_pid_stat(5); a name may hold blanks and brackets. */
async function readProcess(pid: string): Promise<Process | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const [state, parent, , session] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  if (state === undefined || state === '' || state === 'Z') return null;
  return { pid: Number(pid), parent: Number(parent), session: Number(session) };
}

/** Whether there was anything to be killed. */
async function kill(pid: number, containerId: string): Promise<boolean> {
  const cgroup = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
  if (!cgroup.includes(containerId)) return false;
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}
