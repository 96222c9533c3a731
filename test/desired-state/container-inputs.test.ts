import { describe, expect, it } from 'vitest';
import { builtInReader } from '../../desired-state/compose/built-in.ts';
import { dockerComposeReader } from '../../desired-state/compose/docker-compose.ts';
import { withConfigHashes } from '../../desired-state/resources/compose-stack.ts';
import type { DesiredStack } from '../../desired-state/types.ts';
import { dockerCompose } from '../support/docker-compose-binary.ts';
import { expectState, type Files, labFolder, load, smallLab } from './lab-folder.ts';

/** What compose's hash of a container leaves out, and what is made from it all the same. */

const external = 'networks: { net: { external: true, name: photo_net } }\n';

/** Two containers, `more` in the first. */
function photo(more: string, below = ''): string {
  return `services:
  server:
    image: photo:1
    networks: [net]
    ${more}
  database: { image: "postgres:16", networks: [net] }
${below}${external}`;
}

const env = (text: string): Files => ({ 'services/photo/.env': text });
const secret = photo('secrets: [tok]', 'secrets: { tok: { environment: TOKEN } }\n');
const config = photo('configs: [{ source: page, target: /p }]', 'configs: { page: { environment: PAGE } }\n');
const page = (text: string) =>
  photo('configs: [{ source: page, target: /p }]', `configs: { page: { content: "${text}" } }\n`);
const volume = (name: string) => photo('volumes: ["data:/d"]', `volumes: { data: { name: ${name} } }\n`);
const build = (text: string) => photo(`build: { context: ./img, ${text} }`);
const handed = photo(
  'build: { context: ./img, secrets: [tok] }',
  'secrets: { tok: { environment: TOKEN } }\n',
);
const img = { 'services/photo/img/Dockerfile': 'FROM x\n' };

type Case = [what: string, field: string, before: Files, after: Files];
const file = (compose: string, more: Files = {}) => ({ 'services/photo/compose.yaml': compose, ...more });
const cases: Case[] = [
  [
    'the value of a secret',
    'secrets.tok',
    file(secret, env('TOKEN=canary-1\n')),
    file(secret, env('TOKEN=canary-2\n')),
  ],
  [
    'the value of a config',
    'configs.page',
    file(config, env('PAGE=canary-1\n')),
    file(config, env('PAGE=canary-2\n')),
  ],
  ['the text of a config', 'configs.page', file(page('canary-1')), file(page('canary-2'))],
  [
    'a variable in the text of a config',
    'configs.page',
    file(page('a $' + '{TOKEN}'), env('TOKEN=canary-1\n')),
    file(page('a $' + '{TOKEN}'), env('TOKEN=canary-2\n')),
  ],
  ['the name of a volume', 'volumes.data', file(volume('photo_a')), file(volume('photo_b'))],
  [
    'an argument of a build',
    'build.args.V',
    file(build('args: { V: "canary-1" }'), img),
    file(build('args: { V: "canary-2" }'), img),
  ],
  [
    'the target of a build',
    'build.target',
    file(build('target: dev'), img),
    file(build('target: prod'), img),
  ],
  [
    'a Dockerfile in the compose file',
    'build.dockerfile_inline',
    file(build('dockerfile_inline: "FROM x"'), img),
    file(build('dockerfile_inline: "FROM y"'), img),
  ],
  [
    'the value of a secret of a build',
    'build.secrets.tok',
    file(handed, { ...img, ...env('TOKEN=canary-1\n') }),
    file(handed, { ...img, ...env('TOKEN=canary-2\n') }),
  ],
];

const cache = { get: () => undefined, set: () => {} };
const key = (byte: number) => new Uint8Array(32).fill(byte);

describe.each(['built-in', 'docker compose'])('read by %s', (reader) => {
  async function stackOf(files: Files, maskKey = key(7)): Promise<DesiredStack> {
    const compose =
      reader === 'built-in'
        ? builtInReader({ maskKey })
        : await dockerComposeReader({ cache, maskKey, dockerCompose: await dockerCompose() });
    await using folder = await labFolder({ 'lab.yaml': smallLab, ...files });
    const result = await load(folder.root, { as: '/checkout', compose });
    const found = expectState(result).resources.find(({ id }) => id === 'compose-stack:photo');
    if (found?.kind !== 'compose-stack') throw new Error('there is no stack');
    expect(JSON.stringify(result)).not.toContain('canary');
    return await withConfigHashes(found, compose, { root: folder.root, as: '/checkout' });
  }

  it.each(cases)('%s is told from another, of the container that uses it', async (_what, field, one, two) => {
    const [before, after, again] = [await stackOf(one), await stackOf(two), await stackOf(one)];
    const inputs = (stack: DesiredStack) => stack.containers.map((container) => container.inputs);
    expect(inputs(again)).toEqual(inputs(before));
    expect(after.inputDigest).not.toBe(before.inputDigest);
    const [[server, database], [other]] = [inputs(before), inputs(after)];
    expect(database).toBeUndefined();
    const fields = Object.keys({ ...server, ...other });
    expect(fields.filter((each) => server?.[each] !== other?.[each])).toEqual([field]);
    expect(before.containers[0]?.fieldOrigins[field]).toMatchObject({
      file: expect.stringMatching('services/photo/'),
    });
    // Were it in the hash, or in a label, every such container would be made anew by a Steward that knows of it.
    if (reader === 'docker compose')
      expect(after.containers[0]?.configHash).toBe(before.containers[0]?.configHash);
  });

  it('a container without any has none, and a network of its own says whether anything leads out', async () => {
    const networks =
      'networks: { net: { external: true, name: photo_net }, back: { internal: true }, front: }\n';
    const compose = `services:\n  server: { image: "x:1", networks: [net, back, front] }\n${networks}`;
    const [server] = (await stackOf(file(compose))).containers;
    expect(server?.inputs).toBeUndefined();
    expect(server?.ownNetworks).toEqual({ photo_back: true, photo_front: false });
  });

  it('a volume that is a folder of the host is known by its name, where it is written to', async () => {
    const options = (folder: string) => `driver_opts: { type: none, o: bind, device: "${folder}" }`;
    const below = `volumes: { one: { name: photo_a, ${options('/srv//a/')} }, two: { ${options('/srv/b')} }, three: }\n`;
    const [server] = (await stackOf(file(photo('volumes: ["one:/aa", "two:/bb:ro", "three:/cc"]', below))))
      .containers;
    expect(server?.volumeFolders).toEqual({ photo_a: '/srv/a' });
  });

  it('the line of the variable is where a secret was changed', async () => {
    const [server] = (await stackOf(file(secret, env('A=1\nTOKEN=canary\n')))).containers;
    expect(server?.fieldOrigins['secrets.tok']).toMatchObject({ file: 'services/photo/.env', line: 2 });
  });
});
