import type { DesiredHub, DesiredRoute } from '../../desired-state/types.ts';
import { observeHub } from '../../observers/caddy.ts';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import { requestOf } from '../../reconciler/observe-request.ts';
import { makePlan, type PlanInput, type Planned } from '../../reconciler/plan.ts';
import { emptyInventory, type Inventory, type InventoryEntry } from '../../reconciler/state/inventory.ts';
import * as build from './build.ts';
import type { RealCaddy } from './real-caddy.ts';

/** Plans for the hub out of what the real Caddy says, carried out and recorded as a cycle would. */

export const own = build.route('hub/Caddyfile', {
  service: 'hub',
  snippet: null,
  needs: ['compose-stack:hub'],
});
export const stack = build.stack('hub', { containers: [build.container('caddy', { containerName: 'hub' })] });
const container = build.seenContainer('caddy', { name: 'hub', project: 'hub' });

export const tlsSite = (name: string, lines = '') =>
  `${name}.lan {\n\ttls internal\n${lines}\trespond "${name}"\n}\n`;

export const route = (name: string, snippet: string, hosts = [`${name}.lan`]) =>
  build.route(name, { snippet, hosts });

export interface Lab {
  routes: DesiredRoute[];
  inventory: Inventory;
  caddyfile: string;
  /** Services that break the policy. */
  broken: string[];
  suspended: string[];
}

function recorded(
  { plan: { commit, changes, inSync }, data }: Planned,
  { routes, inventory }: Lab,
): Inventory {
  const done = new Set<string>([...changes.map(({ id }) => id), ...inSync]);
  const since = { ownedSince: commit.id, appliedCommit: commit.id, orphanedSince: null };
  const entries = [own, ...routes]
    .filter(({ id }) => done.has(id))
    .map((each): [InventoryEntry['id'], InventoryEntry] => {
      const { id, kind, name, service } = each;
      return [id, { id, kind, name, service, ...since, data: data.get(id) ?? {} }];
    });
  return { ...inventory, entries: new Map([...inventory.entries, ...entries]) };
}

export type HubPlans = ReturnType<typeof hubPlans>;

export function hubPlans(caddy: RealCaddy) {
  /** With ports of its own, so that certificates can be spoken of without those of the machine. */
  function caddyfile(): string {
    const { socket, line, port } = caddy;
    const ports = [`http_port ${port}`, `https_port ${port + 1}`];
    const options = ['skip_install_trust', 'auto_https disable_redirects', ...ports];
    return `{\n\tadmin unix/${socket}\n${options.map((each) => `\t${each}\n`).join('')}}\n${line}\n`;
  }

  function labOf(routes: DesiredRoute[], over: Partial<Lab> = {}): Lab {
    return {
      routes,
      inventory: emptyInventory(),
      caddyfile: caddyfile(),
      broken: [],
      suspended: [],
      ...over,
    };
  }

  async function look({ routes, inventory, caddyfile: text, broken, suspended }: Lab): Promise<PlanInput> {
    const { socket, folder, line } = caddy;
    const names = { service: 'hub', container: 'hub', stack: stack.id };
    const hub: DesiredHub = { ...names, socket, folder, line, caddyfile: text };
    const findings = broken.map((service) => ({
      ...{ severity: 'error' as const, file: 'a', line: 1, column: 1, message: 'it is open' },
      ...{ rule: 'privileged' as const, service, container: null },
    }));
    const policy = { findings, exceptions: [] };
    const desired = build.desired([stack, own, ...routes], { hub, policy, suspended });
    const request = requestOf(desired, inventory, undefined).hub;
    if (request === undefined) throw new Error('the hub would not be asked');
    const observed = build.observed({ containers: [container], hub: await observeHub(request, {}) });
    return { desired, observed, inventory, nowMs: 0 };
  }

  const plan = async (lab: Lab) => makePlan(await look(lab));

  /** Carried out, and recorded as a cycle would. */
  async function converge(lab: Lab): Promise<Lab> {
    const planned = await plan(lab);
    for (const { steps } of planned.plan.changes)
      for (const step of steps) await hostExecutor({}).execute(step, {});
    return { ...lab, inventory: recorded(planned, lab) };
  }

  async function planned(lab: Lab) {
    const { changes, blocked } = (await plan(lab)).plan;
    return {
      changes: changes.map(({ id }) => id),
      blocked: Object.fromEntries(
        blocked.map(({ id, state, reasons }) => [id, `${state}: ${reasons[0]?.note}`]),
      ),
    };
  }
  return { caddyfile, labOf, look, plan, converge, planned };
}
