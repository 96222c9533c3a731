import type { RepositoryRef } from '../backup-parts.ts';
import { type Inferred, type ServiceContext, serviceStorage } from '../context.ts';
import { durationSeconds } from '../schema/units.ts';
import type { DesiredRepository, ResourceId } from '../types.ts';

/** The repository of the service's dataset; none where lab.yaml declares no backup. */
export function serviceRepository(context: ServiceContext): Inferred<DesiredRepository> {
  const { backup } = context.lab;
  const storage = serviceStorage(context);
  if (backup === null || storage === null) return { resources: [], problems: [] };
  const { timezone, check } = backup;
  const resource: DesiredRepository = {
    kind: 'borg-repository',
    id: repositoryId(storage.dataset),
    name: storage.dataset,
    service: context.folder.name,
    origin: backup.origin,
    needs: [],
    repository: repositoryOf(backup, storage.dataset),
    check:
      check === undefined
        ? null
        : { cron: check.schedule, timezone, maxSeconds: durationSeconds(check.maxDuration) ?? 0 },
    verifyData: check?.verifyData === undefined ? null : { cron: check.verifyData, timezone },
  };
  return { resources: [resource], problems: [] };
}

export function repositoryId(dataset: string): ResourceId {
  return `borg-repository:${dataset}`;
}

/** `<backup.repository>/<dataset with / as _>` */
export function repositoryOf(
  backup: NonNullable<ServiceContext['lab']['backup']>,
  dataset: string,
): RepositoryRef {
  const { repository, encryption, passphrase, ssh, keysDirectory, appendOnly } = backup;
  return {
    location: `${repository.replace(/\/$/, '')}/${dataset.replaceAll('/', '_')}`,
    encryption,
    passphraseFile: passphrase?.file ?? null,
    identity: ssh?.identity ?? null,
    knownHosts: ssh?.knownHosts ?? null,
    keysDirectory: keysDirectory ?? null,
    appendOnly,
  };
}
