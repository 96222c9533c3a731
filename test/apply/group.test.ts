import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import { fakeTool } from '../support/fake-tools.ts';

it.each<[string, string, string[], string | null]>([
  ['is made when it is not there', 'root:x:0:\n', ['--gid 990 labdata'], null],
  ['is left alone when it is', 'root:x:0:\nlabdata:x:990:ada\n', [], null],
  [
    'with another id is an error',
    'labdata:x:1001:\n',
    [],
    'the group labdata exists with the id 1001, not 990',
  ],
])('a group %s', async (_what, text, calls, error) => {
  const groupFile = path.join(mkdtempSync(path.join(tmpdir(), 'group-')), 'group');
  writeFileSync(groupFile, text);
  const groupadd = fakeTool('echo "$*" >> "$LOG"');
  const executor = hostExecutor({ groupFile, commands: { groupadd: groupadd.command } });
  const done = executor.execute({ op: 'group-create', group: 'labdata', gid: 990 }, {});
  if (error === null) await done;
  else await expect(done).rejects.toThrow(error);
  expect(groupadd.calls()).toEqual(calls);
});
