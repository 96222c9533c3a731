import type { Allowed, RuleBroken } from './policy/types.ts';
import type { Answered } from './reached.ts';
import type { ServiceConfig } from './schema/service.ts';
import type { DesiredHub, DesiredResource, DesiredState, Origin, Problem } from './types.ts';

/** A word that names something, and where it is written. */
export interface Named {
  name: string;
  origin: Origin;
}

export interface HostPort {
  container: string;
  /** `0.0.0.0` for every address. */
  address: string;
  first: number;
  last: number;
  protocol: string;
  origin: Origin;
}

/** A folder of the host, or a volume of Docker's. */
export interface MountedData {
  container: string;
  /** Null for a volume. */
  path: string | null;
  /** The lab declares no backup at all. */
  isUndeclared?: true;
  /** As it is called in a sentence. */
  name: string;
  origin: Origin;
}

export interface RouteModel extends Named {
  /** Container, alias or address that requests go to, without port; null where they go to none. */
  target: string | null;
  /** The same as the hub asks for it. */
  dialled: string | null;
  /** What its directives lead to, likewise. */
  raw: { target: string; dialled: string; targetOrigin: Origin }[];
  tls: ServiceConfig['routes'][number]['tls'];
  /** What a request at the host must begin with; `` is everything. */
  path: string;
  /** What says what becomes of a request. */
  answers: ('to' | 'redirect' | 'caddy')[];
  targetOrigin: Origin;
}

/** One service with all that the rules across services look at. Never changed once made: unchanged services share it. */
export interface ServiceModel {
  name: string;
  origin: Origin;
  suspended: boolean;
  resources: DesiredResource[];
  ports: HostPort[];
  /** Container names on the host, set or given by compose. */
  containers: Named[];
  /** Docker networks that its containers join. */
  networks: Named[];
  /** Every name under which other containers reach one of these. */
  reachable: string[];
  /** The same with the network on which they do. */
  answers: Answered[];
  /** Docker's names of the volumes that its containers mount. */
  volumes: Named[];
  images: {
    /** As they are called that it builds. */
    built: Named[];
    /** As Docker lists those that its containers run. */
    run: string[];
  };
  routes: RouteModel[];
  dependsOn: Named[];
  /** Bind mounts below the lab's storage that are not the service's own. */
  foreignMounts: Named[];
  /** What its containers mount and an archive should hold. */
  data: MountedData[];
  /** How this service is told about routes, where it is the hub and can be; what it lacks is said where there are any. */
  hub: { hub: DesiredHub | null; problems: Problem[] };
  notActedOn: DesiredState['notActedOn'];
  /** What breaks rules of the policy, by itself. */
  broken: RuleBroken[];
  /** Exceptions of service.yaml. */
  allowed: (Allowed & { origin: Origin })[];
  problems: Problem[];
}
