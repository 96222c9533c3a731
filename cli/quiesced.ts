import { hostObserver } from '../observers/host.ts';
import type { Quiesced } from '../reconciler/apply/rollback.ts';
import { readInventory } from '../reconciler/state/inventory.ts';
import { openStore } from '../reconciler/state/store.ts';
import { UserError } from './errors.ts';
import { type Flags, readSettings } from './settings.ts';

/**
 * Nothing may write while files are brought back. For now the person stops the service: this refuses while one of its
 * containers runs. The journaled stop and start of backups takes its place, with the same type.
 */
export function quiescedFor(flags: Flags): Quiesced {
  return async (service, action) => {
    const projects = projectsOf(service, flags);
    if (projects.length > 0) await requireStopped(service, projects);
    await action();
  };
}

function projectsOf(service: string, flags: Flags): string[] {
  const store = openStore(readSettings(flags).stateDir);
  try {
    const entries = [...readInventory(store).entries.values()];
    const own = entries.filter((entry) => entry.kind === 'compose-stack' && entry.service === service);
    return own.map(({ name }) => name);
  } finally {
    store.close();
  }
}

async function requireStopped(service: string, projects: string[]): Promise<void> {
  const containers = await hostObserver().observeContainers();
  if (!containers.known)
    throw new UserError(`${containers.error}; whether ${service} runs is not known, so nothing was done`);
  const running = containers.value.filter(
    ({ project, state }) =>
      project !== null && projects.includes(project) && state !== 'exited' && state !== 'created',
  );
  if (running.length === 0) return;
  const names = running.map(({ name }) => name).join(' ');
  throw new UserError(`${service} runs, and would write meanwhile; stop it first: docker stop ${names}`);
}
