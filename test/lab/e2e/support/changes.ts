/** One commit or edit each, and the only thing it may change. */
import type { Homelab } from './homelab.ts';
import { web } from './lab-files.ts';
import type { ReasonJson } from './output.ts';

export interface OneChange {
  what: string;
  make(lab: Homelab): Promise<unknown>;
  /** The only line of the plan. */
  plan: string;
  /** A part of the only reason. */
  reason: Partial<ReasonJson>;
  /** Where the reason points to. */
  place: string;
  /** The only containers that are not the same afterwards. */
  touched: string[];
}

const compose = 'services/web/docker-compose.yml';
const service = 'services/web/service.yaml';

/** A file of the web service with one text replaced. Each case goes on from the files of the ones before. */
function edit(path: string, from: string, to: string): (lab: Homelab) => Promise<string> {
  return (lab) => {
    const before = present[path] ?? '';
    if (!before.includes(from)) throw new Error(`${path} does not contain ${from}`);
    present[path] = before.replace(from, to);
    return lab.push({ [path]: present[path] });
  };
}

const present: Record<string, string | null> = { ...web };

export const oneChangeEach: OneChange[] = [
  {
    what: 'a changed image',
    make: edit(
      compose,
      'lab/busybox:1\n    container_name: web-worker',
      'lab/busybox:2\n    container_name: web-worker',
    ),
    plan: 'update compose-stack:web',
    reason: { field: 'image', from: 'lab/busybox:1', to: 'lab/busybox:2', container: 'worker' },
    place: `${compose}:16`,
    touched: ['web-worker'],
  },
  {
    what: 'a changed variable',
    make: edit('services/web/.env', 'hello', 'good-day'),
    plan: 'update compose-stack:web',
    reason: { field: 'environment.GREETING', container: 'page' },
    place: 'services/web/.env:1',
    touched: ['web-page'],
  },
  {
    what: 'a changed secret of the host',
    make: (lab) => lab.vm.writeFile('/etc/steward/env/web.env', 'API_TOKEN=other-secret-value\n', '600'),
    plan: 'update compose-stack:web',
    reason: { field: 'environment.API_TOKEN', from: null, to: null, container: 'page' },
    place: `${compose}:12`,
    touched: ['web-page'],
  },
  {
    what: 'a changed file that is bind-mounted',
    make: edit('services/web/site/index.html', 'first', 'second'),
    plan: 'update compose-stack:web',
    reason: { field: 'file', container: 'page' },
    place: 'services/web/site/index.html:1',
    touched: ['web-page'],
  },
  {
    what: 'a changed ZFS property',
    make: edit(service, 'quota: 1G', 'quota: 2G'),
    plan: 'update zfs-dataset:datapool/services/web',
    reason: { field: 'quota', from: '1G', to: '2G' },
    place: `${service}:3`,
    touched: [],
  },
  {
    what: 'a changed owner',
    make: edit(service, 'owner: app', 'owner: root'),
    plan: 'update directory:/datapool/services/web/data',
    reason: { field: 'owner', to: '100000:labdata' },
    place: `${service}:5`,
    touched: [],
  },
];
