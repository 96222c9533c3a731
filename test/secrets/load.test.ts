import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { builtInReader } from '../../desired-state/compose/built-in.ts';
import { dockerComposeReader } from '../../desired-state/compose/docker-compose.ts';
import type { ComposeReader } from '../../desired-state/compose/types.ts';
import { withConfigHashes } from '../../desired-state/load.ts';
import { encryptAge } from '../../tools/secrets/age.ts';
import type { SecretBox } from '../../tools/secrets/box.ts';
import { expectState, type Files, labFolder, load, render } from '../desired-state/lab-folder.ts';
import { dockerCompose } from '../support/docker-compose-binary.ts';
import { anyMemory, newKey, type TestKey } from './keys.ts';
import { compose, maskKey, plain, stackOf } from './photo.ts';
import { sopsDotenv, sopsYaml } from './sops-encoder.ts';

let key: TestKey;
let prefix: string[];
beforeAll(async () => {
  [key, prefix] = [await newKey(), await dockerCompose()];
});

const sealed = (text: string) => encryptAge(text, [key.recipient]);

interface Opening {
  secrets?: SecretBox;
  hostEnvDir?: string | null;
}

describe.each(['built-in', 'docker compose'])('read by %s', (name) => {
  const kept = new Map<string, string>();
  const reader = async (secrets: SecretBox | undefined): Promise<ComposeReader> => {
    const options = { maskKey, ...(secrets === undefined ? {} : { secrets }) };
    if (name === 'built-in') return builtInReader(options);
    const cache = {
      get: (id: string) => kept.get(id),
      set: (id: string, text: string) => void kept.set(id, text),
    };
    const memory = { runDir: path.join(tmpdir(), 'steward-load-test'), ...anyMemory };
    return dockerComposeReader({ cache, dockerCompose: prefix, memory, ...options });
  };

  async function loaded(files: Files, { secrets = key.box, hostEnvDir = null }: Opening = {}) {
    await using folder = await labFolder({ ...plain, ...files });
    const result = await load(folder.root, { compose: await reader(secrets), secrets, hostEnvDir });
    return { result, shown: JSON.stringify([result, ...kept]).replaceAll(folder.root, '/lab') };
  }

  async function hashes(files: Files) {
    await using folder = await labFolder({ ...plain, ...files });
    const view = { root: folder.root, as: folder.root };
    const compose = await reader(key.box);
    const state = expectState(await load(folder.root, { compose, secrets: key.box }));
    const { containers } = await withConfigHashes(stackOf(state), compose, view);
    return Object.fromEntries(containers.map(({ name: container, configHash }) => [container, configHash]));
  }

  it('the encrypted file wins over .env and the file of the host, and no value is given away', async () => {
    await using host = await labFolder({ 'photo.env': 'PASSWORD=from-host\n' });
    const given = { hostEnvDir: host.root };
    const passwords = [];
    for (const files of [
      {},
      {
        'services/photo/.sops.env': await sopsDotenv([['PASSWORD', 'from-sops']], {
          recipients: [key.recipient],
        }),
      },
      {
        'services/photo/.env.sops.yaml': await sopsYaml([['PASSWORD', 'from-yaml']], {
          recipients: [key.recipient],
        }),
      },
      { 'services/photo/.env.age': await sealed('PASSWORD=from-age\n') },
      { 'services/photo/.env.age': await sealed('PASSWORD=other-age\n') },
    ]) {
      const { result, shown } = await loaded(files, given);
      expect(shown).not.toMatch(/from-host|from-sops|from-yaml|from-age|other-age/);
      passwords.push(stackOf(expectState(result)).containers[0]?.fields['environment.PASSWORD']);
    }
    expect(new Set(passwords).size).toBe(5);
    expect(passwords.every((value) => /^#[0-9a-f]{12}$/.test(value ?? ''))).toBe(true);
  });

  it('two encrypted files: the later of the order wins', async () => {
    const sops = await sopsDotenv([['PASSWORD', 'one']], { recipients: [key.recipient] });
    const both = await loaded({
      'services/photo/.sops.env': sops,
      'services/photo/.env.age': await sealed('PASSWORD=two\n'),
    });
    const one = await loaded({ 'services/photo/.env.age': await sealed('PASSWORD=two\n') });
    const field = ({ result }: typeof both) =>
      stackOf(expectState(result)).containers[0]?.fields['environment.PASSWORD'];
    expect(field(both)).toBe(field(one));
  });

  it('a changed secret changes exactly the containers that use it', async () => {
    const before = await hashes({ 'services/photo/.env.age': await sealed('PASSWORD=one\nUNUSED=a\n') });
    const same = await hashes({ 'services/photo/.env.age': await sealed('PASSWORD=one\nUNUSED=b\n') });
    const after = await hashes({ 'services/photo/.env.age': await sealed('PASSWORD=two\nUNUSED=b\n') });
    expect(same).toEqual(before);
    expect(after.web).not.toBe(before.web);
    expect(after.db).toBe(before.db);
  });

  it('a service whose file does not open waits alone; what follows from its files stays known', async () => {
    const stranger = await newKey();
    const files = {
      'services/photo/.env': 'TAG=1\n',
      'services/photo/.env.age': await sealed('PASSWORD=hidden\n'),
      'services/git/compose.yaml': 'services: { git: { image: git } }\n',
    };
    const { result } = await loaded(files, { secrets: stranger.box });
    const state = expectState(result);
    expect(stackOf(state).locked).toBe(
      `the identity ${stranger.file} is not among the recipients of services/photo/.env.age; run \`steward secrets rekey\` where one of them is`,
    );
    expect(stackOf(state, 'git').locked).toBe(undefined);
    const ids = state.resources.map(({ id }) => id);
    expect(ids).toEqual(
      expect.arrayContaining([
        'directory:/tank/services/photo/data',
        'docker-network:photo_net',
        'zfs-dataset:tank/services/photo',
      ]),
    );
    expect(stackOf(state).containers[0]?.image).toBe('web:1');
  });

  it('a path or image that only the closed file may set is a problem, not a guess', async () => {
    const stranger = await newKey();
    const files = {
      'services/photo/.env': '',
      'services/photo/.env.age': await sealed('TAG=1\nPASSWORD=x\n'),
    };
    const { result } = await loaded(files, { secrets: stranger.box });
    expect(result.ok ? [] : render(result.problems)).toEqual([
      expect.stringMatching(
        /^services\/photo\/compose\.yaml:3:12 error: services\.web\.image needs a variable that no readable file sets, and the identity .* => set it in \.env, which may be seen$/,
      ),
    ]);
  });

  it('what is shown may not come out of an encrypted file', async () => {
    const { result } = await loaded({ 'services/photo/.env.age': await sealed('TAG=canary\nPASSWORD=x\n') });
    expect(result.ok ? [] : render(result.problems)).toEqual([
      'services/photo/compose.yaml:3:12 error: services.web.image is shown in plans and kept in the state, and TAG comes out of services/photo/.env.age => set TAG in .env, which may be seen',
    ]);
  });

  it('nor may the folder that a volume stands for: it is shown as a bind mount is', async () => {
    const more = 'volumes: { disk: { driver_opts: { type: none, o: bind, device: "/srv/${PASSWORD}" } } }\n';
    const files = {
      'services/photo/compose.yaml': compose + more,
      'services/photo/.env': 'TAG=1\n',
      'services/photo/.env.age': await sealed('PASSWORD=canary\n'),
    };
    const { result } = await loaded(files);
    expect(result.ok ? [] : render(result.problems)).toEqual([
      expect.stringContaining('volumes.disk.driver_opts.device is shown in plans and kept in the state'),
    ]);
  });

  it('a health check, a label and a build argument may use a secret: they are not shown', async () => {
    const more =
      '    healthcheck: { test: "curl -H ${PASSWORD}" }\n    build: { context: ., args: { TOKEN: "${PASSWORD}" } }\n';
    const files = {
      'services/photo/compose.yaml': compose.replace('    networks', `${more}    networks`),
      'services/photo/.env.age': await sealed('PASSWORD=canary-of-a-test\n'),
    };
    const { result, shown } = await loaded(files);
    expectState(result);
    expect(shown).not.toContain('canary-of-a-test');
  });

  it('a variable that nobody sets is a problem where the file was opened', async () => {
    const { result } = await loaded({
      'services/photo/.env': 'TAG=1\n',
      'services/photo/.env.age': await sealed('OTHER=x\n'),
    });
    expect(result.ok ? [] : render(result.problems)).toEqual([
      expect.stringContaining('the variable PASSWORD is not set anywhere'),
    ]);
  });

  it('a file that is opened and is no environment file locks the service, and no line of it is told', async () => {
    const { result, shown } = await loaded({
      'services/photo/.env.age': await sealed('A=1\nhunter2 is my word\n'),
    });
    expect(stackOf(expectState(result)).locked).toBe(
      'services/photo/.env.age was opened, and its line 2 is not NAME=value; run steward secrets edit',
    );
    expect(shown).not.toContain('hunter2');
  });

  it.each(
    ['depends_on', 'networks', 'links', 'secrets', 'configs', 'volumes_from', 'ports', 'devices'].map(
      (part) => [part],
    ),
  )('no part of a value is told where compose takes it apart, nor in what to do: %s', async (part) => {
    const { result, shown } = await loaded({
      'services/photo/compose.yaml': `services:\n  web:\n    image: web\n    ${part}: ["\${PASSWORD}"]\n`,
      'services/photo/.env.age': await sealed('PASSWORD=Kanary77:Xyzzy88:Plugh99\n'),
    });
    expect(result.ok ? 0 : result.problems.length).toBeGreaterThan(0);
    expect(shown).not.toMatch(/kanary77|xyzzy88|plugh99/i);
  });

  it('one in which compose would find more than is seen locks the service, and is not handed to compose', async () => {
    const { result, shown } = await loaded({
      'services/photo/.env.age': await sealed('A=1\nB="hunter2" PASSWORD="hunter3"\n'),
    });
    expect(stackOf(expectState(result)).locked).toBe(
      'services/photo/.env.age was opened, and its line 2 may be read in another way: text follows the closing quote; run steward secrets edit',
    );
    expect(shown).not.toMatch(/hunter[23]/);
  });
});
