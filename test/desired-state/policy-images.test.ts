import { expect, test } from 'vitest';
import type { Files } from './lab-folder.ts';
import { compose, files, stateOf } from './policy-lab.ts';

async function told(photo: string, over: Files = {}): Promise<string[]> {
  const { findings } = (await stateOf(files(photo, over))).policy;
  return findings.map(({ rule, severity, message, line }) => `${rule} ${severity}@${line}: ${message}`);
}

const longer = {
  'services/photo-web/docker-compose.yml':
    'services: { web: { image: "x:1", container_name: photo-web, user: "1", restart: always } }\n',
};

test('an image of another service is not for building', async () => {
  const text = compose('build: { context: ., tags: ["photo:2", "docker.io/library/caddy:2.10"] }');
  expect(await told(text)).toEqual([
    'built-image error@8: photo builds docker.io/library/caddy:2.10, which hub runs',
  ]);
});

test.each([
  'postgres:18.0',
  'docker.io/library/postgres@sha256:0',
  'photo/web',
  'localhost:5000/x',
  'photos',
])('nor is one that is not called after its builder: %s, which another may run tomorrow', async (name) => {
  const built = (text: string) => told(text.replace('ghcr.io/someone/photo:1.2', name));
  const broken = `built-image error@3: photo builds ${name}, which is not called after it`;
  expect(await built(compose('build: .'))).toContain(broken);
  expect(await built(compose())).not.toContainEqual(expect.stringContaining('built-image'));
  expect(await told(compose(`build: { context: ., tags: ["${name}"] }`))).toContain(
    broken.replace('@3', '@8'),
  );
});

test.each(['photo', 'photo-web:1', 'photo_web', 'localhost:5000/me/photo-web:2'])(
  '%s is for photo to build',
  async (name) => {
    const text = compose('build: .').replace('ghcr.io/someone/photo:1.2', name);
    expect((await told(text)).filter((each) => each.includes('built-image'))).toEqual([]);
    const isOfOther = name.includes('photo-web');
    expect((await told(text, longer)).filter((each) => each.includes('built-image'))).toHaveLength(
      isOfOther ? 1 : 0,
    );
  },
);

test('no name beside a build is none of anybody', async () => {
  const text = compose('build: .').replace('    image: "ghcr.io/someone/photo:1.2"\n', '');
  expect(await told(text)).toEqual([]);
});
