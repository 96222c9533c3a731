import type { ResolvedService } from '../../compose/types.ts';
import { type BrokenAt, eachContainer, texts } from '../containers.ts';
import type { Rule } from '../types.ts';

export const devices: Rule = {
  id: 'devices',
  severity: 'error',
  why: 'A device is a door past every mount: /dev/sda is all data of the pool, whoever owns it.',
  fix: 'remove it, or say in service.yaml what it is needed for',
  check: (context) =>
    eachContainer(
      context,
      ({ devices: list, device_cgroup_rules: rules, gpus, deploy }, name): BrokenAt[] => [
        ...(Array.isArray(list) ? list : []).map((device: unknown, index) => {
          const source = sourceOf(device);
          return { at: ['devices', index], message: `${name} has the device ${source}`, text: source };
        }),
        ...texts(rules).map((rule, index) => ({
          at: ['device_cgroup_rules', index],
          message: `${name} may use devices by the rule ${rule}`,
          text: rule,
        })),
        ...drivers(gpus, ['gpus'], `${name} has graphics cards`),
        ...reserved(deploy).flatMap(([key, value]) =>
          drivers(value, ['deploy', 'resources', 'reservations', key], `${name} has devices by their driver`),
        ),
      ],
    ),
};

/** What a driver gives is known to the driver only. */
function drivers(value: unknown, at: string[], message: string): BrokenAt[] {
  return value === undefined || value === null ? [] : [{ at, message }];
}

function reserved(deploy: ResolvedService['deploy']): [string, unknown][] {
  const { reservations } = (deploy?.resources ?? {}) as { reservations?: Record<string, unknown> };
  return ['devices', 'generic_resources'].map((key) => [key, reservations?.[key]]);
}

/** `{ source, target }` since compose 2.25, `source:target:permissions` before. */
function sourceOf(device: unknown): string {
  if (typeof device === 'string') return device.split(':', 1)[0] ?? device;
  return String((device as { source?: unknown } | null)?.source ?? '?');
}
