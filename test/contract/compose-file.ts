import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import type { StackRef } from '../../reconciler/types.ts';
import type { ContractService } from './contract-host.ts';

/** Writes a compose project as the contract describes it into a folder below `root`. */
export async function writeStack(
  root: string,
  project: string,
  services: ContractService[],
  image: { name: string; sleep: string[] },
): Promise<StackRef> {
  const directory = path.join(root, project);
  const file = path.join(directory, 'docker-compose.yml');
  await mkdir(directory, { recursive: true });
  await writeFile(file, stringify(composeFile(services, image)));
  return { project, directory, files: [file], envFiles: [], override: null };
}

function composeFile(services: ContractService[], image: { name: string; sleep: string[] }) {
  const networks = new Set(services.map((service) => service.network));
  return {
    services: Object.fromEntries(
      services.map((service) => [
        service.name,
        {
          image: image.name,
          command: image.sleep,
          // Sleep as process 1 ignores SIGTERM, and nobody wants to wait for that.
          stop_grace_period: `${service.graceSeconds ?? 0}s`,
          environment: { REVISION: service.revision },
          networks: [service.network],
          ...(service.dependsOn === undefined ? {} : { depends_on: service.dependsOn }),
        },
      ]),
    ),
    networks: Object.fromEntries([...networks].map((name) => [name, { external: true }])),
  };
}
