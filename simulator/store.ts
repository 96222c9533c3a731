import {
  appendFileSync,
  closeSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { SimulatorFileError } from './errors.ts';

/**
 * Where the simulated host keeps itself: tables of immutable values, and, where a file is given, a log of their
 * changes, one JSON line a step. Appending costs the size of the change and never of the host; a torn last line
 * (kill -9 in the middle of a write) is the step that did not happen. The log is rewritten whole, by rename, only
 * when it is opened and has grown well beyond what it holds.
 */

type Entry = [table: string, key: string, value: unknown];
type Listener<T> = (key: string, before: T | undefined, after: T | undefined) => void;

export interface Table<T> {
  get(key: string): T | undefined;
  has(key: string): boolean;
  set(key: string, value: T): void;
  delete(key: string): void;
  values(): IterableIterator<T>;
  entries(): IterableIterator<[string, T]>;
  readonly size: number;
}

export interface Store {
  table<T>(name: string, listener?: Listener<T>): Table<T>;
  /** Takes in what other processes have appended since. */
  refresh(): void;
  /** Makes what changed since the last call durable, as one unit. */
  commit(): void;
}

interface TableData {
  rows: Map<string, unknown>;
  put(key: string, value: unknown): void;
}

interface Log {
  path: string;
  inode: number;
  offset: number;
}

/** Values handed to a table must not be changed afterwards. Throws SimulatorFileError for a file that is not ours. */
export function openStore(file: string | undefined): Store {
  const tables = new Map<string, TableData>();
  const log = file === undefined ? null : { path: file, inode: -1, offset: 0 };
  let pending: Entry[] = [];
  const note = (entry: Entry) => {
    if (log !== null) pending.push(entry);
  };
  return {
    table<T>(name: string, listener: Listener<T> = () => {}): Table<T> {
      const data = tableData(listener);
      tables.set(name, data);
      return recordingTable(name, data, note);
    },
    refresh() {
      if (log !== null) readLog(log, tables);
    },
    commit() {
      if (log === null || pending.length === 0) return;
      const entries = pending;
      pending = [];
      appendLog(log, entries);
    },
  };
}

function tableData<T>(listener: Listener<T>): TableData {
  const rows = new Map<string, unknown>();
  return {
    rows,
    put(key, value) {
      const before = rows.get(key) as T | undefined;
      if (value === undefined) rows.delete(key);
      else rows.set(key, value);
      listener(key, before, value as T | undefined);
    },
  };
}

function recordingTable<T>(name: string, data: TableData, note: (entry: Entry) => void): Table<T> {
  const rows = data.rows as Map<string, T>;
  return {
    get: (key) => rows.get(key),
    has: (key) => rows.has(key),
    set(key, value) {
      data.put(key, value);
      note([name, key, value]);
    },
    delete(key) {
      if (!rows.has(key)) return;
      data.put(key, undefined);
      note([name, key, null]);
    },
    values: () => rows.values(),
    entries: () => rows.entries(),
    get size() {
      return rows.size;
    },
  };
}

function readLog(log: Log, tables: Map<string, TableData>): void {
  const stat = statSync(log.path, { throwIfNoEntry: false });
  if (stat === undefined) {
    writeWhole(log, tables);
    return;
  }
  if (stat.ino !== log.inode) clear(log, tables, stat.ino);
  if (stat.size === log.offset) return;
  const text = readFrom(log.path, log.offset, stat.size);
  const end = text.lastIndexOf(0x0a) + 1;
  const lines = text.subarray(0, end).toString('utf8').split('\n').slice(0, -1);
  const opening = log.offset === 0;
  for (const line of lines) replay(line, tables, log.path);
  log.offset += end;
  if (end < text.length || (opening && lines.length > compactAfter(tables))) writeWhole(log, tables);
}

function compactAfter(tables: Map<string, TableData>): number {
  return 1_000 + 4 * [...tables.values()].reduce((sum, table) => sum + table.rows.size, 0);
}

function clear(log: Log, tables: Map<string, TableData>, inode: number): void {
  for (const table of tables.values()) for (const key of [...table.rows.keys()]) table.put(key, undefined);
  log.inode = inode;
  log.offset = 0;
}

function readFrom(path: string, start: number, end: number): Buffer {
  if (start === 0) return readFileSync(path);
  const buffer = Buffer.alloc(end - start);
  const descriptor = openSync(path, 'r');
  try {
    return buffer.subarray(0, readSync(descriptor, buffer, 0, buffer.length, start));
  } finally {
    closeSync(descriptor);
  }
}

function replay(line: string, tables: Map<string, TableData>, path: string): void {
  for (const [name, key, value] of parseLine(line, path)) {
    tables.get(name)?.put(key, value === null ? undefined : value);
  }
}

function parseLine(line: string, path: string): Entry[] {
  try {
    const entries: unknown = JSON.parse(line);
    if (Array.isArray(entries)) return entries as Entry[];
  } catch (cause) {
    throw new SimulatorFileError(
      `${path} is not the state of a simulated host; delete it to begin anew`,
      cause,
    );
  }
  throw new SimulatorFileError(`${path} is not the state of a simulated host; delete it to begin anew`);
}

function appendLog(log: Log, entries: Entry[]): void {
  const line = Buffer.from(`${JSON.stringify(entries)}\n`);
  appendFileSync(log.path, line, { mode: 0o600 });
  log.offset += line.length;
}

function writeWhole(log: Log, tables: Map<string, TableData>): void {
  const lines: string[] = [];
  for (const [name, table] of tables) {
    for (const [key, value] of table.rows) lines.push(`${JSON.stringify([[name, key, value]])}\n`);
  }
  const fresh = `${log.path}.new`;
  writeFileSync(fresh, lines.join(''), { mode: 0o600 });
  const stat = statSync(fresh);
  renameSync(fresh, log.path);
  log.inode = stat.ino;
  log.offset = stat.size;
}
