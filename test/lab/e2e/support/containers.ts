/** Containers as Docker itself tells of them, past Steward. */
import type { LabVm } from '../../vm.ts';

export interface Container {
  id: string;
  startedAt: string;
  restarts: number;
  status: string;
  image: string;
}

const format = '{{.Name}} {{.Id}} {{.State.StartedAt}} {{.RestartCount}} {{.State.Status}} {{.Config.Image}}';

/** All containers, also stopped ones, by name. Two of one name cannot be, but two of one service can: see names. */
export async function containersIn(vm: LabVm): Promise<Record<string, Container>> {
  const list = `docker ps -aq | xargs -r docker inspect --format '${format}'`;
  const { stdout } = await vm.exec(list);
  const lines = stdout.split('\n').filter(Boolean);
  return Object.fromEntries(lines.map(parseLine).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function parseLine(line: string): [string, Container] {
  const [name = '', id = '', startedAt = '', restarts = '', status = '', image = ''] = line.split(' ');
  return [name.slice(1), { id, startedAt, restarts: Number(restarts), status, image }];
}

/** Names of the containers that are not the same running container as before, new and gone ones included. */
export function touched(before: Record<string, Container>, after: Record<string, Container>): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name])).sort();
}
