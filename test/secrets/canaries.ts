import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { encryptAge } from '../../tools/secrets/age.ts';
import { dotenvText } from '../../tools/secrets/dotenv-text.ts';
import { type Lab, newLab } from '../cli/lab.ts';
import { newKey, type TestKey } from './keys.ts';
import { sopsDotenv, sopsYaml } from './sops-encoder.ts';

/** A lab with an unmistakable value in every place where a value can be, and a search for them in all that is left. */
export const places = ['git', 'host', 'age', 'sops', 'yaml', 'short'] as const;
export type Place = (typeof places)[number];

export interface Planted {
  lab: Lab;
  key: TestKey;
  values: Record<Place, string>;
  /** Flags of every command: this host's bootstrap file names key and environment. */
  flags: string[];
  environmentDir: string;
  runDir: string;
  /** Commits the lab with these values; `compose` takes the place of the usual compose file. */
  push(values: Record<Place, string>, compose?: string): Promise<void>;
}

/** What files, shells, JSON and compose give a meaning to, behind a word that each search finds. */
const odd: Record<Exclude<Place, 'short'>, string> = {
  git: `$x'y`,
  host: '"\\ $$',
  age: `\nit's "two" lines \\n \${z}`,
  sops: '$HOME\\"',
  yaml: `\n'"$`,
};

export function canaries(): Record<Place, string> {
  const value = (place: Place) =>
    place === 'short'
      ? `\u03be${randomBytes(1).toString('hex')}`
      : `canary-${place}-${randomBytes(6).toString('hex')}${odd[place]}`;
  return Object.fromEntries(places.map((place) => [place, value(place)])) as Record<Place, string>;
}

const variable = (place: Place) => `CANARY_${place.toUpperCase()}`;

export const usualCompose = `services:
  web:
    image: web:1
    command: ["--password=\${CANARY_AGE}"]
    labels: { hidden: "\${CANARY_SOPS}" }
    environment:
${places.map((place) => `      ${variable(place)}: \${${variable(place)}}`).join('\n')}
  db:
    image: db:1
`;

export async function plant(): Promise<Planted> {
  const lab = await newLab([]);
  const key = await newKey();
  const [environmentDir, runDir] = [path.join(lab.root, 'env'), path.join(lab.root, 'run')];
  for (const folder of [environmentDir, runDir]) mkdirSync(folder, { mode: 0o700 });
  const config = path.join(lab.root, 'steward.yaml');
  writeFileSync(config, JSON.stringify({ environmentDir, secrets: { identity: key.file } }));
  const push: Planted['push'] = async (values, compose = usualCompose) => {
    writeFileSync(path.join(environmentDir, 'photo.env'), dotenvText([['CANARY_HOST', values.host]]));
    await lab.commit('canaries', await filesOf(values, compose, key.recipient));
  };
  const values = canaries();
  await push(values);
  return { lab, key, values, flags: [...lab.flags, '--config', config], environmentDir, runDir, push };
}

async function filesOf(values: Record<Place, string>, compose: string, recipient: string) {
  const recipients = [recipient];
  const inAge = [
    ['CANARY_AGE', values.age],
    ['CANARY_SHORT', values.short],
  ] as const;
  return {
    'lab.yaml': `version: 1\nname: homelab\nsecrets: { recipients: [${recipient}] }\n`,
    'services/photo/docker-compose.yml': compose,
    'services/photo/.env': dotenvText([['CANARY_GIT', values.git]]),
    'services/photo/.env.age': await encryptAge(dotenvText(inAge), recipients),
    'services/photo/.sops.env': await sopsDotenv([['CANARY_SOPS', values.sops]], { recipients }),
    'services/photo/.env.sops.yaml': await sopsYaml([['CANARY_YAML', values.yaml]], { recipients }),
  };
}

/** Where any of the values, or what a guess could be proven with, stands in a text: empty when nowhere. */
export function foundIn(text: string, values: Record<Place, string>, name: string): string[] {
  return places.flatMap((place) => {
    const value = values[place];
    const plainDigest = createHash('sha256').update(value).digest('hex').slice(0, 12);
    const word = /^[\w\u03be-]+/.exec(value)?.[0] ?? value;
    // Of the short one it would be too short to be there by more than chance.
    const inBase64 =
      place === 'short' ? [] : [Buffer.from(word).toString('base64').replace(/=+$/, '').slice(0, -2)];
    const forms = [word, plainDigest, ...inBase64];
    return forms.some((form) => text.includes(form)) ? [`${place} in ${name}`] : [];
  });
}

/** The same for every file below a folder. Git has what is plain in Git: its own places are left out for that one. */
export function foundBelow(folder: string, values: Record<Place, string>): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.flatMap((entry) => {
    if (!entry.isFile()) return [];
    const file = path.join(entry.parentPath, entry.name);
    const found = foundIn(readFileSync(file, 'utf8'), values, path.relative(folder, file));
    return path.basename(file) === '.env' ? found.filter((each) => !each.startsWith('git ')) : found;
  });
}
