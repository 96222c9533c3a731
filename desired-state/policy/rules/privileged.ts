import type { ResolvedService } from '../../compose/types.ts';
import { type BrokenAt, eachContainer, isRoot, texts } from '../containers.ts';
import type { Rule } from '../types.ts';

export const privileged: Rule = {
  id: 'privileged',
  severity: 'error',
  why: 'A container without walls is root on the server: every disk, every other container, every backup key.',
  fix: 'remove it, and add the one capability or device that is needed',
  check: (context) =>
    eachContainer(context, (service, name): BrokenAt[] => [
      ...all(service.privileged, ['privileged'], `${name} is privileged`),
      ...openedWalls(service, name),
      ...hooks(service, name),
      ...builder(service, name),
    ]),
};

function all(value: unknown, at: BrokenAt['at'], message: string): BrokenAt[] {
  return value === true || value === 'true' ? [{ at, message, text: 'true' }] : [];
}

/** What Docker gives by itself, and what takes more away. */
const closed = /^(no-new-privileges([:=]true)?|apparmor[:=]docker-default|seccomp[:=]builtin)$/;

function openedWalls({ security_opt: options }: ResolvedService, name: string): BrokenAt[] {
  return texts(options).flatMap((option, index) => {
    if (closed.test(option)) return [];
    const what = /[:=](unconfined|disable|false)$/.test(option) ? 'gives up' : 'sets for itself';
    const at = ['security_opt', index];
    return [{ at, message: `${name} ${what} a wall of the kernel: ${option}`, text: option }];
  });
}

/** Hooks run inside of the container, as whom they say. */
function hooks(service: ResolvedService, name: string): BrokenAt[] {
  return (['post_start', 'pre_stop'] as const).flatMap((key) =>
    list(service[key]).flatMap(({ user, privileged: rights }, index): BrokenAt[] => {
      const asRoot = typeof user === 'string' && isRoot(user) && !isRoot(service.user ?? 'root');
      const message = `${name} is not root, and its ${key} is`;
      return [
        ...all(rights, [key, index, 'privileged'], `${key} of ${name} is privileged`),
        ...(asRoot ? [{ at: [key, index, 'user'], message, text: String(user) }] : []),
      ];
    }),
  );
}

function list(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'object' && item !== null) : [];
}

function builder({ build }: ResolvedService, name: string): BrokenAt[] {
  return [
    ...all(build?.privileged, ['build', 'privileged'], `${name} is built with all rights`),
    ...texts(build?.entitlements).map((right, index) => ({
      at: ['build', 'entitlements', index],
      message: `${name} is built with the right ${right}`,
      text: right,
    })),
  ];
}
