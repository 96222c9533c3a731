import { osDisk, parentOf, pathKey, type SimulatedPath, type World } from './world.ts';

/** Directories and marker files, each on the file system that is mounted there at the moment. */

export interface Place {
  /** Name of a dataset, or the OS disk. */
  filesystem: string;
  path: string;
}

/** Which file system a path is on right now, and where in it: the deepest mount wins. */
export function placeOf(world: World, path: string): Place {
  for (let at = path; at !== ''; at = parentOf(at)) {
    const dataset = world.index.mounts.get(at);
    if (dataset !== undefined) return { filesystem: dataset, path: path.slice(at.length) };
  }
  return { filesystem: osDisk, path: path === '/' ? '' : path };
}

/** Whose mountpoint a path is at or below, mounted or not; null where no dataset of an imported pool claims it. */
export function claimantOf(world: World, path: string): string | null {
  for (let at = path; at !== ''; at = parentOf(at)) {
    const dataset = world.index.mountpoints.get(at);
    if (dataset !== undefined) return dataset;
  }
  return null;
}

export function entryAt(world: World, path: string): SimulatedPath | undefined {
  const place = placeOf(world, path);
  return world.paths.get(pathKey(place.filesystem, place.path));
}

export function makeDirectories(world: World, path: string): void {
  const place = placeOf(world, path);
  const missing: string[] = [];
  for (let at = place.path; at !== ''; at = parentOf(at)) {
    if (world.paths.has(pathKey(place.filesystem, at))) break;
    missing.unshift(at);
  }
  for (const at of missing) makeDirectory(world, place.filesystem, at);
}

/** The root directory of a file system, or one directory in it: root's, 0755. */
export function makeDirectory(world: World, filesystem: string, path: string): void {
  const entry = { filesystem, path, type: 'directory', uid: 0, gid: 0, mode: '0755' } as const;
  world.paths.set(pathKey(filesystem, path), entry);
}

/** Puts a marker into a directory, as a container that writes there would. Never replaces one. */
export function writeMarker(world: World, path: string): void {
  const place = placeOf(world, path);
  const key = pathKey(place.filesystem, place.path);
  if (world.paths.has(key)) return;
  makeDirectories(world, parentOf(path));
  const changedMs = world.now();
  world.paths.set(key, { ...place, type: 'file', uid: 0, gid: 0, mode: '0644', changedMs });
}

export function changeOwner(world: World, path: string, uid: number, gid: number, recursive: boolean): void {
  const place = placeOf(world, path);
  const todo = [pathKey(place.filesystem, place.path)];
  for (let key = todo.pop(); key !== undefined; key = todo.pop()) {
    const entry = world.paths.get(key);
    if (entry !== undefined && (entry.uid !== uid || entry.gid !== gid)) {
      world.paths.set(key, { ...entry, uid, gid });
    }
    if (recursive) todo.push(...(world.index.pathChildren.get(key) ?? []));
  }
}

export function changeMode(world: World, path: string, mode: string): void {
  const place = placeOf(world, path);
  const key = pathKey(place.filesystem, place.path);
  const entry = world.paths.get(key);
  if (entry !== undefined) world.paths.set(key, { ...entry, mode });
}

/** Every marker as `file system:path`, sorted: what must never become fewer. */
export function markers(world: World): string[] {
  const files = [...world.paths.values()].filter((entry) => entry.type === 'file');
  return files.map((entry) => pathKey(entry.filesystem, entry.path)).sort();
}
