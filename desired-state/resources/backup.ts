import type { BackupHook } from '../backup-parts.ts';
import {
  type Inferred,
  type ServiceContext,
  serviceStorage,
  stackOrigin,
  withoutStorage,
} from '../context.ts';
import { errorAt } from '../problems.ts';
import { nearest } from '../schema/explain.ts';
import type { ServiceConfig } from '../schema/service.ts';
import { durationSeconds } from '../schema/units.ts';
import type { DesiredBackup, DesiredDataset, Problem } from '../types.ts';
import { repositoryId, repositoryOf } from './borg-repository.ts';

/** The backup of a service: the lab's defaults, and what service.yaml says otherwise. */
export function serviceBackup(context: ServiceContext): Inferred<DesiredBackup> {
  const storage = serviceStorage(context);
  if (storage === null) return { resources: [], problems: withoutStorage(context, 'backup') };
  const { backup: lab } = context.lab;
  if (lab === null) return { resources: [], problems: withoutLabBackup(context) };
  const hooks = hookProblems(context);
  return { resources: [resource(context, lab, storage.dataset)], problems: hooks };
}

type Lab = NonNullable<ServiceContext['lab']['backup']>;
type Own = NonNullable<ServiceConfig['backup']>;

function resource(context: ServiceContext, lab: Lab, dataset: string): DesiredBackup {
  const service = context.folder.name;
  const own: Own = context.config.backup ?? {};
  const datasets = datasetsOf(context);
  const id = repositoryId(dataset);
  return {
    kind: 'backup',
    id: `backup:${service}`,
    name: service,
    service,
    origin: context.serviceYaml?.find(['backup'])
      ? context.serviceYaml.atKey(['backup'])
      : stackOrigin(context),
    needs: [id, ...datasets.map(({ id: need }) => need), `compose-stack:${service}`],
    project: context.project.name,
    repositoryId: id,
    repository: repositoryOf(lab, dataset),
    datasets: datasets.map(({ name, mountpoint }) => ({ name, mountpoint })),
    ...timing(lab, own, context),
    ...content(lab, own),
  };
}

function timing(lab: Lab, own: Own, { config }: ServiceContext) {
  const timezone = own.timezone ?? lab.timezone;
  const cron = own.schedule ?? lab.schedule;
  const deadline = own.startingDeadline ?? lab.startingDeadline;
  const drill = own.drill ?? lab.drill;
  return {
    schedule: cron === undefined ? null : { cron, timezone },
    jitterSeconds: durationSeconds(own.jitter ?? lab.jitter ?? '') ?? 0,
    startingDeadlineSeconds: deadline === undefined ? null : (durationSeconds(deadline) ?? null),
    // A suspended service is left exactly as it is, so nobody stops its containers either.
    suspend: config.suspend || own.suspend === true,
    drill: drill === undefined ? null : { cron: drill.schedule, timezone, start: drill.start },
  };
}

function content(lab: Lab, own: Own) {
  return {
    quiesce: own.quiesce ?? ('stop' as const),
    hooks: { before: (own.hooks?.before ?? []).map(toHook), after: (own.hooks?.after ?? []).map(toHook) },
    retention: own.retention ?? lab.retention ?? null,
    compression: own.compression ?? lab.compression,
    excludes: [...new Set([...lab.excludes, ...(own.excludes ?? [])])],
    collapsePercent: own.collapse ?? lab.collapse,
  };
}

type Hook = NonNullable<Own['hooks']>['before'][number];

function toHook({ container, exec, timeout }: Hook): BackupHook {
  return { container, argv: exec, timeoutSeconds: durationSeconds(timeout) ?? 60 };
}

/** The service's own first, then its children: all of them are mounted below it, which the schema sees to. */
function datasetsOf({ earlier }: ServiceContext): DesiredDataset[] {
  return earlier.filter((item): item is DesiredDataset => item.kind === 'zfs-dataset');
}

function withoutLabBackup({ serviceYaml, lab }: ServiceContext): Problem[] {
  if (!lab.backupKnown || serviceYaml === null || !serviceYaml.find(['backup'])) return [];
  const message = 'lab.yaml declares no backup, so it is not known where archives go';
  return [
    errorAt(serviceYaml.atKey(['backup']), message, 'add backup to lab.yaml, or remove it here', 'backup'),
  ];
}

function hookProblems({ config, serviceYaml, project }: ServiceContext): Problem[] {
  const names = Object.keys(project.services);
  return (['before', 'after'] as const).flatMap((when) =>
    (config.backup?.hooks?.[when] ?? []).flatMap(({ container }, index) => {
      if (names.includes(container) || serviceYaml === null) return [];
      const at = serviceYaml.at(['backup', 'hooks', when, index, 'container']);
      // `docker ps` shows the container's own name, which is not what the compose file calls it.
      const named = names.find((name) => project.services[name]?.container_name === container);
      const meant = named ?? nearest(container, names);
      const fix = meant === undefined ? `write one of ${names.join(', ')}` : `write ${meant}`;
      return [errorAt(at, `there is no container ${container} in the compose file`, fix, container)];
    }),
  );
}
