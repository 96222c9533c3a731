import path from 'node:path';
import type { ServiceContext } from '../context.ts';
import type { ServiceModel } from '../model.ts';
import { bindMounts } from '../mounts.ts';
import { errorAt, warningAt } from '../problems.ts';
import type { Origin } from '../types.ts';
import { readCaddyfile } from './caddyfile.ts';

/**
 * How the hub can be told about routes: by its Caddyfile, which names the admin socket and takes the snippets in, and by
 * the bind mounts that put both on the host. What is missing is told where there are routes; without it none is made.
 */
export function describeHub(context: ServiceContext): ServiceModel['hub'] {
  const { hub } = context.lab;
  if (hub === null || hub.service !== context.folder.name) return { hub: null, problems: [] };
  const file = `${context.folder.folder}/Caddyfile`;
  const origin = { file, line: 1, column: 1 };
  const content = context.files.read(file);
  if (content === null)
    return missing(origin, `there is no ${file}`, 'write the global options of the hub into it');
  const caddyfile = new TextDecoder().decode(content.bytes);
  return wired(context, hub.container, caddyfile, origin);
}

function wired(
  context: ServiceContext,
  container: string,
  caddyfile: string,
  origin: Origin,
): ServiceModel['hub'] {
  const { socket, routes } = readCaddyfile(caddyfile);
  if (socket === null)
    return missing(
      origin,
      'it has no admin socket',
      'add `admin unix//run/caddy/admin.sock` to its global options',
    );
  // With a socket it is meant to be told: a lost line is a mistake, and not something that is still to be set up.
  if (routes === null)
    return missing(
      origin,
      'it takes no routes in',
      'add the line `import /etc/caddy/routes/*.caddy`',
      errorAt,
    );
  const [onHost, folder] = [socket, routes.folder].map((inside) => hostPath(context, container, inside));
  const lacking =
    onHost === undefined ? path.posix.dirname(socket) : folder === undefined ? routes.folder : null;
  if (onHost === undefined || folder === undefined)
    return missing(
      origin,
      `${lacking} of ${container} is not on the host`,
      `mount a folder there, such as /datapool/services/${context.folder.name}/${path.posix.basename(lacking ?? '')}:${lacking}`,
    );
  const stack = `compose-stack:${context.folder.name}` as const;
  const hub = {
    service: context.folder.name,
    container,
    stack,
    socket: onHost,
    folder,
    caddyfile,
    line: routes.line,
  };
  return { hub, problems: [] };
}

function missing(origin: Origin, what: string, fix: string, problemAt = warningAt): ServiceModel['hub'] {
  return { hub: null, problems: [problemAt(origin, `no route is made: ${what}`, fix)] };
}

/** Where a path inside the hub's container is on the host; undefined where no bind mount has it. */
function hostPath(context: ServiceContext, container: string, inside: string): string | undefined {
  const mounts = bindMounts(context).filter(
    ({ container: name, target }) =>
      (context.project.services[name]?.container_name ?? name) === container && isBelow(inside, target),
  );
  const [nearest] = mounts.sort((a, b) => b.target.length - a.target.length);
  return nearest && path.posix.join(nearest.source, path.posix.relative(nearest.target, inside));
}

function isBelow(inside: string, target: string): boolean {
  return inside === target || inside.startsWith(`${target.replace(/\/$/, '')}/`);
}
