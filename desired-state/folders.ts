import type { RepositoryFiles } from './files.ts';
import { mapLimited } from './limited.ts';
import { errorAt, warningAt } from './problems.ts';
import { inspectFolder, type ServiceFolder } from './service-folder.ts';
import type { Problem } from './types.ts';

export interface Folders {
  services: ServiceFolder[];
  problems: Problem[];
}

/** Looks at everything directly below services/. */
export async function readFolders(files: RepositoryFiles): Promise<Folders> {
  const at = { file: 'services', line: 1, column: 1 };
  const state = files.state('services');
  if (state === 'outside') {
    const message = 'services is a symbolic link that leaves the repository';
    return { services: [], problems: [errorAt(at, message, 'put the folder itself into the repository')] };
  }
  const entries = files.list('services');
  if (entries.length === 0) {
    return {
      services: [],
      problems: [warningAt(at, 'there are no services', 'add services/NAME/docker-compose.yml')],
    };
  }
  const links = await leavingLinks(files, entries);
  const directories = entries.filter((entry) => entry.directory);
  const inspected = await mapLimited(16, directories, ({ name }) => inspectFolder(files, name));
  return {
    services: inspected.flatMap((folder) => ('name' in folder ? [folder] : [])),
    problems: [...links, ...inspected.flatMap((folder) => ('name' in folder ? [] : folder.problems))],
  };
}

async function leavingLinks(
  files: RepositoryFiles,
  entries: { name: string; directory: boolean }[],
): Promise<Problem[]> {
  const others = entries.filter((entry) => !entry.directory && !/^[._]/.test(entry.name));
  const states = await mapLimited(16, others, async ({ name }) => ({
    name,
    state: files.state(`services/${name}`),
  }));
  return states
    .filter(({ state }) => state === 'outside')
    .map(({ name }) => {
      const at = { file: `services/${name}`, line: 1, column: 1 };
      return errorAt(
        at,
        `services/${name} is a symbolic link that leaves the repository`,
        'put the folder itself there',
      );
    });
}
