import type { DesiredResource, PolicyFinding, ResourceId } from '../desired-state/types.ts';
import type { Reason } from './types.ts';
import { notice, type Verdict, type World } from './world.ts';

/**
 * A service that breaks a rule of the policy is left as it is, the others go on. What would change is held back; its
 * stack is even where nothing would change, so that nobody takes it for well. Its backups go on: data comes first.
 */
export function holdByPolicy(verdicts: Map<ResourceId, Verdict>, world: World): void {
  const broken = Map.groupBy(errors(world), ({ service }) => service);
  if (broken.size === 0) return;
  for (const resource of world.desired.resources) {
    const findings = broken.get(resource.service ?? '');
    const verdict = verdicts.get(resource.id);
    if (findings === undefined || verdict === undefined || isBackup(resource.kind)) continue;
    if (isWayBack(resource, world)) continue;
    const isHeld =
      verdict.state === 'change' || (verdict.state === 'in-sync' && resource.kind === 'compose-stack');
    if (!isHeld) continue;
    const held = notice(resource, 'blocked', 'policy', findings.map(reasonOf));
    verdicts.set(resource.id, { state: 'blocked', notice: held });
  }
}

/** Whether a service of this commit is held back. What is no longer in Git breaks nothing. */
export function breaksPolicy(service: string, world: Pick<World, 'desired'>): boolean {
  return errors(world).some((finding) => finding.service === service);
}

function errors({ desired }: Pick<World, 'desired'>): PolicyFinding[] {
  return desired.policy.findings.filter(({ severity }) => severity === 'error');
}

/** The hub was on that network, and is not since it was made anew: what runs is reached as before. */
function isWayBack({ kind, id }: DesiredResource, { inventory }: World): boolean {
  return kind === 'hub-attachment' && inventory.entries.has(id);
}

function isBackup(kind: string): boolean {
  return kind === 'backup' || kind === 'borg-repository';
}

function reasonOf({ rule, message, file, line, column }: PolicyFinding): Reason {
  return {
    field: 'policy',
    from: null,
    to: null,
    note: `${message} (${rule})`,
    origin: { file, line, column },
  };
}
