import { expect, it } from 'vitest';
import { labFolder, smallLab } from '../desired-state/lab-folder.ts';
import { steward } from './steward.ts';

const backup =
  'backup: { repository: /backup, passphrase: { file: /etc/steward/borg-passphrase }, schedule: "30 3 * * *" }\n';
const compose = (mount: string) => `services:
  photo-web:
    image: "web:1"
    restart: unless-stopped
    user: "1000"
    networks: [photo_net]
    volumes: ["${mount}"]
networks: { photo_net: { external: true } }
`;

it.each([
  ['on its dataset', '/tank/services/photo/data:/data', '', 0],
  [
    'that the archive leaves out',
    '/tank/services/photo/data:/data',
    'backup: { excludes: ["data/**"] }\n',
    1,
  ],
  ['in a volume', 'cache:/data', '', 1],
])('validate --strict ends for data %s with the code it should', async (_name, mount, service, code) => {
  await using folder = await labFolder({
    'lab.yaml': smallLab + backup,
    'services/photo/compose.yaml': compose(mount) + (mount.startsWith('/') ? '' : 'volumes: { cache: {} }\n'),
    'services/photo/service.yaml': service,
  });
  const ended = await steward(['validate', '--compose', 'built-in', '--strict', folder.root]);
  expect(ended.stdout.includes('is in no backup')).toBe(code === 1);
  expect(ended.code).toBe(code);
  const json = await steward([
    'validate',
    '--compose',
    'built-in',
    '--strict',
    '--output',
    'json',
    folder.root,
  ]);
  expect(JSON.parse(json.stdout)).toMatchObject({ valid: code === 0, heldBack: [] });
  expect(ended.stdout).toMatch(
    code === 0 ? /^Valid: 1 service,/m : /^Not enough for --strict: 1 warning, in 1 service,/m,
  );
  const lenient = await steward(['validate', '--compose', 'built-in', folder.root]);
  expect(lenient.code).toBe(0);
  expect(lenient.stdout).toMatch(/^Valid: 1 service,/m);
});

it('validate says the same of a service that is held back in words, in JSON and by its exit code', async () => {
  await using folder = await labFolder({
    'lab.yaml': `${smallLab}policy: { rules: { backup-coverage: off } }\n`,
    'services/photo/compose.yaml': compose('/tank/services/photo/data:/data').replace(
      '    networks',
      '    privileged: true\n    networks',
    ),
  });
  const text = await steward(['validate', '--compose', 'built-in', folder.root]);
  expect(text.stdout).toMatch(/^Held back: photo, of 1 service,/m);
  expect(text.code).toBe(1);
  const json = await steward(['validate', '--compose', 'built-in', '--output', 'json', folder.root]);
  expect(JSON.parse(json.stdout)).toMatchObject({ valid: false, heldBack: ['photo'] });
  expect(json.code).toBe(1);
});

it('a forge finds it under its own rule, at its path in the Git repository', async () => {
  await using folder = await labFolder({
    '.git/HEAD': 'ref: refs/heads/main\n',
    'home/lab.yaml': smallLab + backup,
    'home/services/photo/compose.yaml': `${compose('cache:/data')}volumes: { cache: {} }\n`,
  });
  const flags = ['--compose', 'built-in', '--output', 'sarif'];
  const { stdout } = await steward(['validate', ...flags, `${folder.root}/home`]);
  const [found] = JSON.parse(stdout).runs[0].results;
  expect(found.ruleId).toBe('backup-coverage');
  expect(found.locations[0].physicalLocation.artifactLocation.uri).toBe('home/services/photo/compose.yaml');
});
