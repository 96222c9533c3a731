import type { ResolvedService } from '../compose/types.ts';
import { nearComposeOrigin, type ServiceContext } from '../context.ts';
import { containerNames } from '../mounts.ts';
import type { Broken } from './types.ts';

/** A place below `services: NAME:`, and what is wrong there. */
export interface BrokenAt {
  at: readonly (string | number)[];
  message: string;
  text?: string;
  fix?: string;
}

/** Looks at container after container, in the order in which they are written. */
export function eachContainer(
  context: ServiceContext,
  look: (service: ResolvedService, name: string) => BrokenAt[],
): Broken[] {
  return containerNames(context).flatMap((container) => {
    const service = context.project.services[container];
    if (service === undefined) return [];
    return look(service, container).map(({ at, ...rest }) => ({
      container,
      origin: nearComposeOrigin(context, ['services', container, ...at]),
      ...rest,
    }));
  });
}

/** A list of texts as compose prints it; nothing else counts. */
export function texts(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((each: unknown) => (typeof each === 'string' ? [each] : []));
}

/** Whether a container is the hub itself, and not one that stands beside it in its service. */
export function isHub(context: Pick<ServiceContext, 'lab' | 'folder' | 'project'>, name: string): boolean {
  const { hub } = context.lab;
  return hub?.service === context.folder.name && nameOnHost(context, name) === hub.container;
}

/** `user:` of a container, with or without a group. */
export function isRoot(user: string): boolean {
  return /^(root|0+)(:|$)/.test(user);
}

/** Whether a container of this name is one of the service itself. */
export function isOwnContainer(context: Pick<ServiceContext, 'project'>, name: string): boolean {
  return Object.keys(context.project.services).some((key) => name === nameOnHost(context, key));
}

function nameOnHost({ project }: Pick<ServiceContext, 'project'>, key: string): string {
  return project.services[key]?.container_name ?? `${project.name}-${key}-1`;
}
