import type { ResolvedService } from '../../compose/types.ts';
import { type BrokenAt, eachContainer } from '../containers.ts';
import type { Rule } from '../types.ts';

export const runtimeSettings: Rule = {
  id: 'runtime-settings',
  severity: 'error',
  why: 'What starts a container, counts what it uses and keeps its log runs as root beside it: another one has other walls, or sends elsewhere what it hears.',
  fix: 'remove it, or say in service.yaml why it is needed',
  check: (context) =>
    eachContainer(context, (service, name): BrokenAt[] => [
      ...runtime(service, name),
      ...slice(service, name),
      ...logDriver(service, name),
      ...kernelSettings(service, name),
    ]),
};

function runtime({ runtime: value }: ResolvedService, name: string): BrokenAt[] {
  if (typeof value !== 'string' || /^(runc|io\.containerd\.runc\.v2)?$/.test(value)) return [];
  return [{ at: ['runtime'], message: `${name} is run by ${value}`, text: value }];
}

function slice({ cgroup_parent: value }: ResolvedService, name: string): BrokenAt[] {
  if (typeof value !== 'string' || value === '') return [];
  return [{ at: ['cgroup_parent'], message: `${name} is counted as part of ${value}`, text: value }];
}

/** They keep logs on the server itself, or keep none. */
const local = ['json-file', 'local', 'journald', 'none', ''];

function logDriver({ logging }: ResolvedService, name: string): BrokenAt[] {
  const driver = (logging as { driver?: unknown } | null | undefined)?.driver;
  if (typeof driver !== 'string' || local.includes(driver)) return [];
  return [{ at: ['logging', 'driver'], message: `${name} logs to ${driver}`, text: driver }];
}

/** Those of the network are the container's own as its network is; others may be the server's. */
function kernelSettings({ sysctls }: ResolvedService, name: string): BrokenAt[] {
  return Object.keys((sysctls as object | null | undefined) ?? {})
    .filter((setting) => !/^net(\.[\w-]+)+$/.test(setting))
    .map((setting) => ({
      at: ['sysctls', setting],
      message: `${name} sets ${setting} of the kernel`,
      text: setting,
    }));
}
