import { readInventory, writeServices } from '../../reconciler/state/inventory.ts';
import { openStore, type Store } from '../../reconciler/state/store.ts';
import { betweenCycles } from '../between-cycles.ts';
import { UserError } from '../errors.ts';
import { type Flags, readSettings } from '../settings.ts';

/** Forgets the failures of a service, so that the next cycle tries it at once. */
export async function retry(service: string, flags: Flags): Promise<number> {
  const { stateDir } = readSettings(flags);
  const store = openStore(stateDir);
  try {
    return await betweenCycles(stateDir, 'retry', async () => retryIn(store, service));
  } finally {
    store.close();
  }
}

function retryIn(store: Store, service: string): number {
  const { services } = readInventory(store);
  const record = services.get(service);
  if (record === undefined) {
    const known = [...services.keys()].sort().join(', ') || 'none yet';
    throw new UserError(`no service ${service} was ever applied (known: ${known})`);
  }
  writeServices(store, [{ ...record, attempts: 0, lastFailed: false, lastError: null }]);
  process.stdout.write(`${service} is tried again at the next cycle.\n`);
  return 0;
}
