import { describe, expect, it } from 'vitest';
import { environmentValues } from '../../desired-state/compose/sources.ts';
import { plainSecrets } from '../../desired-state/secrets/plain.ts';

// Put together here, so that nobody who looks through this file takes them for real.
const letters = 'aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3hJ5';
const random = 'q9Zr4TkX7vBn2LwPs8Df';

describe('by its form, in any file', () => {
  it.each([
    ['an access key of AWS', `${'AK'}IA${'ABCDEFGHIJKLMNOP'}`],
    ['a token of GitHub', `${'gh'}p_${letters}`],
    ['a token of GitHub', `${'github'}_pat_${letters}`],
    ['a token of GitLab', `${'gl'}pat-${letters}`],
    ['a token of Slack', `${'xo'}xb-${letters}`],
    ['a private key', `-----BEGIN ${'OPENSSH'} PRIVATE KEY-----`],
    ['a private key', `-----BEGIN ${'PRIVATE'} KEY-----`],
    ['an identity of age', `${'AGE-SECRET'}-KEY-1${'Q'.repeat(58)}`],
    ['a JSON Web Token', `${'ey'}Jhbgciojiuzi.${'ey'}Jzdwiijoimtiz.SflKxwRJSMeKKF2QT4`],
  ])('%s', (what, value) => {
    const [found, ...more] = plainSecrets('docs/notes.md', `first\nsee ${value} here`);
    expect(more).toEqual([]);
    expect(found).toEqual({ line: 2, column: 5, what, variable: null });
  });
});

describe('by the name of its variable', () => {
  it.each([
    ['services/photo/.env', 'DB_PASSWORD=correcthorse', 'DB_PASSWORD'],
    ['services/photo/.env', '  export API_TOKEN="battery staple" # mine', 'API_TOKEN'],
    ['services/photo/app.env', `SESSION_KEY=${random}`, 'SESSION_KEY'],
    ['services/photo/.env.local', 'SMTP_PASS=hunter22', 'SMTP_PASS'],
    ['services/photo/compose.yaml', '      POSTGRES_PASSWORD: hunter22', 'POSTGRES_PASSWORD'],
    ['services/photo/compose.yaml', '      - "CLIENT_SECRET=hunter22"', 'CLIENT_SECRET'],
    [
      'services/photo/compose.yaml',
      '    environment: { LEVEL: info, DB_PASSWORD: "hunter22" }',
      'DB_PASSWORD',
    ],
    ['services/photo/compose.yaml', '    environment: [LEVEL=info, DB_PASSWORD=hunter22]', 'DB_PASSWORD'],
    ['services/photo/compose.yaml', "      TOKEN: 'hunter22' # of the hub", 'TOKEN'],
    ['services/photo/.env', 'A="x" DB_PASSWORD=hunter22', 'DB_PASSWORD'],
    ['services/photo/.env', 'DB_PASSWORD: hunter22', 'DB_PASSWORD'],
    ['services/photo/.env', '\u0085DB_PASSWORD\u00a0=hunter22', 'DB_PASSWORD'],
  ])('%s: %s', (file, row, variable) => {
    const found = plainSecrets(file, `# first\n${row}\n`);
    expect(found).toMatchObject([{ line: 2, what: `a plain value of ${variable}`, variable }]);
    expect(JSON.stringify(found)).not.toMatch(/hunter22|correct|battery|q9Zr/);
  });
});

it.each([
  ['words without an end', `A=${'a.'.repeat(200_000)}`],
  ['blanks without an end', `DB_PASSWORD=x${' '.repeat(200_000)}${'"'.repeat(200_000)}y`],
])('a line of %s is read as fast as any', (_what, row) => {
  expect(plainSecrets('services/photo/.env', row).length).toBeLessThan(2);
  expect(environmentValues(row)).toEqual([row.slice(row.indexOf('=') + 1)]);
});

it.each([
  ['.env', 'DATABASE_URL=postgres://app:hunter22@db:5432/app', 29],
  ['compose.yaml', '      BROKER: "amqp://:hunter22@queue"', 24],
])('in a URL, whatever its variable is called: %s', (file, row, column) => {
  const found = plainSecrets(`services/photo/${file}`, row);
  expect(found).toEqual([{ line: 1, column, what: 'a plain password in a URL', variable: null }]);
});

describe('what is none stays unsaid', () => {
  it.each([
    ['a variable', '.env', 'DB_PASSWORD=${OTHER}'],
    ['a variable without braces', 'compose.yaml', '      DB_PASSWORD: $OTHER'],
    ['nothing', '.env', 'DB_PASSWORD='],
    ['a placeholder', '.env', 'DB_PASSWORD=changeme'],
    ['another placeholder', '.env', 'API_TOKEN=<your token>'],
    ['a file', '.env', 'DB_PASSWORD_FILE=/run/secrets/db'],
    ['a path', '.env', 'TLS_PRIVATE_KEY=/etc/tls/key.pem'],
    ['a hash of bcrypt', '.env', `ADMIN_PASSWORD=$2y$10$${letters}`],
    ['the same, doubled for compose', 'compose.yaml', `      ADMIN_PASSWORD: $$2y$$10$$${letters}`],
    ['a value of SOPS', '.sops.env', 'DB_PASSWORD=ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]'],
    ['a word', '.env', 'PRIMARY_KEY=identifier'],
    ['a switch', 'compose.yaml', '      REQUIRE_TOKEN: true'],
    ['a comment with braces', 'compose.yaml', '# environment: { DB_PASSWORD: hunter22 }'],
    ['a variable in braces', 'compose.yaml', '    environment: { DB_PASSWORD: "${DB_PASSWORD}", A: b }'],
    ['a comment', '.env', '# DB_PASSWORD=hunter22'],
    ['a word behind quotes', '.env', `MOTTO=say "x" PASSWORD=hunter22`],
    ['a URL with a variable', '.env', 'DATABASE_URL=postgres://app:${DB_PASSWORD}@db/app'],
    ['a URL with a user and a port', '.env', 'BACKUP_TARGET=ssh://borg@backup.lan:23/./lab'],
    ['a URL in prose', 'README.md', 'write postgres://app:hunter22@db/app'],
    ['a name of compose', 'compose.yaml', '    secrets: [db_password]'],
    ['a declaration of compose', 'compose.yaml', '  db_password: { file: ./x }'],
    ['prose', 'README.md', 'PASSWORD=hunter22 is what you should not write'],
  ])('%s', (_what, file, row) => {
    expect(plainSecrets(`services/photo/${file}`, row)).toEqual([]);
  });
});
