import { nearComposeOrigin, type ServiceContext } from './context.ts';
import { errorAt } from './problems.ts';
import { quote } from './schema/explain.ts';
import type { Problem } from './types.ts';

/** Of containers, networks and volumes; source: moby, daemon/names.RestrictedNameChars, and volume names. */
const plainName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
/** Host, path, tag and digest; source: distribution/reference, ReferenceRegexp, made wider. */
const imageName = /^[a-zA-Z0-9][a-zA-Z0-9._:/@-]*$/;

/** Names that Docker refuses: better said with the line than by Docker in the middle of a deployment. */
export function nameProblems(context: ServiceContext): Problem[] {
  const { services, networks = {}, volumes = {} } = context.project;
  return [
    ...Object.entries(services).flatMap(([key, { container_name: name, image }]) => [
      ...wrong(context, ['services', key, 'container_name'], 'container', name, plainName),
      ...wrong(context, ['services', key, 'image'], 'image', image, imageName),
    ]),
    ...Object.entries(networks).flatMap(([key, network]) =>
      wrong(context, ['networks', key, 'name'], 'network', network?.name, plainName),
    ),
    ...Object.entries(volumes).flatMap(([key, volume]) =>
      wrong(context, ['volumes', key, 'name'], 'volume', volume?.name, plainName),
    ),
  ];
}

function wrong(
  context: ServiceContext,
  at: string[],
  what: string,
  name: string | undefined,
  pattern: RegExp,
): Problem[] {
  if (name === undefined || name === '' || pattern.test(name)) return [];
  const message = `Docker takes no ${what} of the name ${quote(name)}`;
  const fix = 'write letters, digits, and . _ - after the first one';
  return [errorAt(nearComposeOrigin(context, at), message, fix, name)];
}
