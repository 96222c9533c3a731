import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { commandOf } from '../../reconciler/apply/command.ts';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import type { ComposeUp, StackRef } from '../../reconciler/types.ts';
import { encryptAge } from '../../tools/secrets/age.ts';
import { fakeTool } from '../support/fake-tools.ts';
import { anyMemory, newKey, type TestKey } from './keys.ts';

let folder: string;
let key: TestKey;
let stack: StackRef;
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'steward-apply-'));
  key = await newKey();
  const [plain, sealed] = [path.join(folder, '.env'), path.join(folder, '.env.age')];
  writeFileSync(plain, 'DATA=/datapool/photo\nLEVEL=verbose\nDB=postgres\n');
  writeFileSync(
    sealed,
    await encryptAge('PASSWORD="correct horse"\nKEY="two\nlines here"\n', [key.recipient]),
  );
  stack = {
    project: 'photo',
    directory: folder,
    files: [path.join(folder, 'compose.yaml')],
    envFiles: [plain],
    encrypted: [sealed],
    override: null,
  };
});

const up = (): ComposeUp => ({
  op: 'compose-up',
  stack,
  services: ['web'],
  build: false,
  forceRecreate: false,
  guards: [],
});
const executor = (command: string, secrets = key.box) =>
  hostExecutor({ commands: { compose: [command] }, secrets, runDir: path.join(folder, 'run'), ...anyMemory });
const left = () => readdirSync(path.join(folder, 'run/env'));

/** Says what is in the last --env-file, and its mode, as compose would find it. */
const reads =
  'for a in "$@"; do [ "$l" = --env-file ] && f=$a; l=$a; done; stat -c %a "$f" >> "$LOG"; cat "$f" >> "$LOG"';

it.each(['compose-up', 'compose-restart'] as const)(
  '%s finds the opened file last, for root alone, and it is gone afterwards',
  async (op) => {
    const compose = fakeTool(reads);
    await executor(compose.command).execute({ ...up(), op } as ComposeUp, {});
    expect(compose.calls()).toEqual(['600', 'PASSWORD="correct horse"', 'KEY="two', 'lines here"']);
    expect(left()).toEqual([]);
  },
);

it('what compose says is told without values, names of containers and paths of data stay', async () => {
  const said =
    'Error response from daemon: photo-postgres-1: /datapool/photo: bad correct horse, two\\nlines here, lines here, verbose, postgres';
  const compose = fakeTool(`printf '%s\\n' '${said}' >&2; exit 1`);
  await expect(executor(compose.command).execute(up(), {})).rejects.toMatchObject({
    name: 'StepError',
    message:
      'docker compose up failed: Error response from daemon: photo-postgres-1: /datapool/photo: bad ***, ***, ***, ***, ***',
    cause: undefined,
  });
  expect(left()).toEqual([]);
});

it('compose is not called where a file does not open', async () => {
  const compose = fakeTool('echo called >> "$LOG"');
  const stranger = await newKey();
  await expect(executor(compose.command, stranger.box).execute(up(), {})).rejects.toThrow(
    `the identity ${stranger.file} is not among the recipients of ${folder}/.env.age`,
  );
  expect(compose.calls()).toEqual([]);
});

it('compose is not called where secrets would come to lie on a disk', async () => {
  const compose = fakeTool('echo called >> "$LOG"');
  const runDir = path.join(folder, 'run');
  const onDisk = hostExecutor({
    commands: { compose: [compose.command] },
    secrets: key.box,
    runDir,
    isInMemory: async () => false,
  });
  await expect(onDisk.execute(up(), {})).rejects.toThrow('secrets are not written to a disk');
  expect(compose.calls()).toEqual([]);
});

it('a drill that starts the stack opens them likewise, and tells no value', async () => {
  const compose = fakeTool(`${reads}; echo "Error: bad correct horse" >&2; exit 1`);
  const guard = { dataset: 'scratch', mountpoint: '/run/steward/drill/photo' };
  const drill = {
    service: 'photo',
    project: 'steward-drill-photo',
    from: '/datapool/photo',
    archive: 'photo-1',
  };
  const step = { op: 'drill-start' as const, stack, guard, timeoutSeconds: 1, oneShots: [], ...drill };
  await expect(executor(compose.command).execute(step, {})).rejects.toThrow(
    /^the drill's stack: .*Error: bad \*\*\*$/,
  );
  expect(compose.calls()).toContain('PASSWORD="correct horse"');
  expect(left()).toEqual([]);
});

it('the command of a step names where the opened file would lie, and nothing of it', () => {
  expect(commandOf(up())).toBe(
    `docker compose -p photo --project-directory ${folder} -f ${folder}/compose.yaml --env-file ${folder}/.env --env-file /run/steward/env/photo.env.age up -d --pull missing web`,
  );
});
