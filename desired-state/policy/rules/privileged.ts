import { type BrokenAt, eachContainer, texts } from '../containers.ts';
import type { Rule } from '../types.ts';

export const privileged: Rule = {
  id: 'privileged',
  severity: 'error',
  why: 'A container without walls is root on the server: every disk, every other container, every backup key.',
  fix: 'remove it, and add the one capability or device that is needed',
  check: (context) =>
    eachContainer(context, (service, name): BrokenAt[] => [
      ...(service.privileged === true
        ? [{ at: ['privileged'], message: `${name} is privileged`, text: 'true' }]
        : []),
      ...texts(service.security_opt)
        .filter((option) => /[:=](unconfined|disable|false)$/.test(option))
        .map((option) => ({
          at: ['security_opt'],
          message: `${name} gives up a wall of the kernel: ${option}`,
        })),
    ]),
};
