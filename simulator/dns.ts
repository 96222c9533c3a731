import type { DnsRequest, Observed, SeenName } from '../observers/types.ts';
import { StepError } from '../reconciler/apply/types.ts';
import type { Step } from '../reconciler/types.ts';
import type { Action } from './actions.ts';
import type { World } from './world.ts';

/** A DNS server that keeps one address a name, and a mark beside it, as one by RFC 2136 does. */
export function observeDns(world: World, { names }: DnsRequest): Observed<Record<string, SeenName>> {
  const seen = names.map((name) => {
    const found = world.dns.get(name);
    return [
      name,
      { addresses: found === undefined ? [] : [found.address], mark: found?.mark ?? null },
    ] as const;
  });
  return { known: true, value: Object.fromEntries(seen) };
}

export function recordStep(world: World, step: Extract<Step, { op: 'dns-put' | 'dns-remove' }>): Action[] {
  const { name, address, mark } = step;
  const found = world.dns.get(name);
  if (step.op === 'dns-remove')
    return found?.address === address && found.mark === mark ? [() => world.dns.delete(name)] : [];
  if ((found?.address ?? null) !== step.replaces)
    throw new StepError(`${name} has got a record of somebody else meanwhile`, { retryable: true });
  return [() => world.dns.set(name, { address, mark })];
}

/** By hand: the mark beside it stays. */
export function changeRecord(world: World, name: string, address: string | null): boolean {
  const found = world.dns.get(name);
  if (found === undefined) return false;
  if (address === null) world.dns.delete(name);
  else world.dns.set(name, { ...found, address });
  return true;
}
