import { readdir, readFile } from 'node:fs/promises';

/** A command that runs, or ran, in a container. */
export interface Session {
  /** Its process, as the host numbers it; 0 where nobody knows it any more. */
  leader: number;
  /** `NAME=VALUE`: it was started with this in its environment, as nothing else was. */
  mark: string;
  containerId: string;
}

/**
 * Ends what a command in a container has left. Docker cannot end one that it has started; the kernel can. Docker makes
 * each a session of its own, which those it starts belong to as well; one that has left it is found by its parent, and
 * one that has lost that too, or whose leader has ended, by the mark that all of them inherit. Of each the cgroup must
 * prove that it is of this container: a number may be somebody else's by now.
 */
export async function killSession(session: Session): Promise<void> {
  // One that was being started while it was looked is there the next time.
  for (let look = 0; look < 5; look += 1) {
    const members = membersOf(session, await processes());
    const killed = await Promise.all(members.map((pid) => kill(pid, session.containerId)));
    if (!killed.includes(true)) return;
  }
}

interface Process {
  pid: number;
  parent: number;
  session: number;
  environment: string[];
}

function membersOf({ leader, mark }: Session, all: Process[]): number[] {
  const marked = all.filter(({ environment }) => environment.includes(mark)).map(({ pid }) => pid);
  const members = new Set([...(leader > 1 ? [leader] : []), ...marked]);
  const isNew = ({ pid, parent, session }: Process) =>
    !members.has(pid) && (members.has(session) || members.has(parent));
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
  const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
  const numbers = { pid: Number(pid), parent: Number(parent), session: Number(session) };
  return { ...numbers, environment: environment.split('\0') };
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
