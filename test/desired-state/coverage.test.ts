import { describe, expect, test } from 'vitest';
import { builtInReader } from '../../desired-state/compose/built-in.ts';
import { createLoadMemo } from '../../desired-state/memo.ts';
import { web } from './inferred.ts';
import { type Files, labFolder, load, problemsOf, render, smallLab, stateOf } from './lab-folder.ts';

/** Every bind mount and named volume is on a dataset with a backup, or is named. */

const labWith = (more = '') => `${smallLab}backup:
  repository: ssh://borg@backup.lan/./lab/
  passphrase: { file: /etc/steward/borg-passphrase }
  schedule: "30 3 * * *"
${more}`;

interface Lab {
  service?: string;
  lab?: string;
  below?: string;
  files?: Files;
}

function filesOf(volumes: string, { service = '', lab = labWith(), below = '', files = {} }: Lab): Files {
  return {
    'lab.yaml': lab,
    'services/photo/compose.yaml': web(`    volumes: [${volumes}]\n${below}`),
    'services/photo/config.ini': 'x',
    ...(service === '' ? {} : { 'services/photo/service.yaml': service }),
    ...files,
  };
}

async function uncovered(volumes: string, lab: Lab = {}): Promise<string[]> {
  const found = await problemsOf(filesOf(volumes, lab), { compose: builtInReader() });
  return found.filter((line) => line.includes('in no backup'));
}

const media: Files = { 'services/media/compose.yaml': web('') };
const own = '"/tank/services/photo/data:/data"';
const foreign = '"/tank/services/media/films:/films"';

describe('data that is in no backup is named with its place', () => {
  test.each<[string, string, string, Lab]>([
    [
      'a bind mount elsewhere',
      '"/srv/movies:/movies"',
      '/srv/movies of web is in no backup: it is on no dataset of a service => bind-mount a directory below /tank/services/photo',
      {},
    ],
    [
      'a read-only one too: somebody wrote what is there',
      '"/srv/movies:/movies:ro"',
      '/srv/movies of web is in no backup: it is on no dataset of a service',
      {},
    ],
    [
      'a named volume',
      '"cache:/cache"',
      "the volume cache of web is in no backup: a volume lies in Docker's own folder, not on a dataset",
      { below: 'volumes: { cache: {} }\n' },
    ],
    [
      'an anonymous volume',
      '"/cache"',
      "the volume without a name at /cache of web is in no backup: a volume lies in Docker's own folder, not on a dataset",
      {},
    ],
    [
      'a volume that stands for a folder elsewhere',
      '"disk:/data"',
      '/srv/disk of web is in no backup: it is on no dataset of a service',
      { below: 'volumes: { disk: { driver_opts: { type: none, o: bind, device: /srv/disk } } }\n' },
    ],
    [
      'a suspended backup',
      own,
      '/tank/services/photo/data of web is in no backup: the backup of photo is suspended => remove backup.suspend from services/photo/service.yaml',
      { service: 'backup: { suspend: true }\n' },
    ],
    [
      'a suspended service',
      own,
      '/tank/services/photo/data of web is in no backup: photo is suspended, and its backup with it => remove suspend from services/photo/service.yaml',
      { service: 'suspend: true\n' },
    ],
    [
      'a backup without a schedule',
      own,
      '/tank/services/photo/data of web is in no backup: the backup of photo has no schedule => add backup.schedule to services/photo/service.yaml or lab.yaml',
      { lab: labWith().replace(/ {2}schedule.*\n/, '') },
    ],
    [
      'a folder that the archive leaves out',
      '"/tank/services/photo/cache:/cache"',
      '/tank/services/photo/cache of web is in no backup: backup.excludes leaves it out (cache/**) => remove the pattern, or say in policy.allow why it may be lost',
      { service: 'backup: { excludes: ["*.tmp", "cache/**"] }\n' },
    ],
    [
      'a folder inside one that the archive leaves out, by a pattern of lab.yaml',
      '"/tank/services/photo/cache/a:/a"',
      '/tank/services/photo/cache/a of web is in no backup: backup.excludes leaves it out (cache)',
      { lab: labWith('  excludes: [cache]\n') },
    ],
    [
      'a folder on a child dataset that the archive leaves out',
      '"/tank/services/photo/database/wal:/wal"',
      '/tank/services/photo/database/wal of web is in no backup: backup.excludes leaves it out (database/wal)',
      { service: 'dataset: { children: { database: {} } }\nbackup: { excludes: [database/wal] }\n' },
    ],
    [
      'a folder where no service has a dataset',
      '"/tank/services/gone/data:/data"',
      '/tank/services/gone/data of web is in no backup: it is on no dataset of a service',
      {},
    ],
    [
      'all datasets at once, beside which something may lie',
      '"/tank/services:/all"',
      '/tank/services of web is in no backup: it is on no dataset of a service',
      {},
    ],
    [
      'data of another service whose backup is suspended',
      foreign,
      '/tank/services/media/films of web is in no backup: the backup of media is suspended => remove backup.suspend from services/media/service.yaml',
      { files: { ...media, 'services/media/service.yaml': 'backup: { suspend: true }\n' } },
    ],
    [
      'data of another service that is suspended itself',
      foreign,
      '/tank/services/media/films of web is in no backup: media is suspended, and its backup with it',
      { files: { ...media, 'services/media/service.yaml': 'suspend: true\n' } },
    ],
    [
      'data of another service that its archive leaves out',
      foreign,
      '/tank/services/media/films of web is in no backup: backup.excludes of media leaves it out (films)',
      { files: { ...media, 'services/media/service.yaml': 'backup: { excludes: [films] }\n' } },
    ],
    ...[
      '/etc/letsencrypt:/e:ro',
      '/etc:/e:ro',
      '/usr/local/bin:/b:ro',
      '/tmp/data:/d',
      '/usr/share/x:/x',
    ].map((mount): [string, string, string, Lab] => [
      `data among the server's own files (${mount})`,
      `"${mount}"`,
      `${mount.split(':')[0]} of web is in no backup: it is on no dataset of a service`,
      {},
    ]),
  ])('%s', async (_name, volumes, message, lab) => {
    const found = await uncovered(volumes, lab);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`warning: ${message}`);
    expect(found[0]).toMatch(/^services\/photo\/compose.yaml:4:\d+ /);
  });
});

describe('not named is', () => {
  test.each<[string, string, Lab]>([
    ['what is on the dataset', own, {}],
    [
      'what is on a child dataset',
      '"/tank/services/photo/db/x:/x"',
      { service: 'dataset: { children: { db: {} } }\n' },
    ],
    ['what is on the dataset of a service with a backup of its own', foreign, { files: media }],
    [
      'a volume that stands for a folder of the dataset, also where a variable names it',
      '"disk:/data"',
      {
        below:
          'volumes: { disk: { driver_opts: { type: none, o: bind, device: "${AT:-/tank/services/photo}/disk" } } }\n',
      },
    ],
    [
      'what an archive leaves out in part',
      '"/tank/services/photo/library:/library"',
      { service: 'backup: { excludes: ["library/thumbs/**", "*.tmp"] }\n' },
    ],
    ['what Git holds', '"./config.ini:/config.ini:ro"', {}],
    ['a tmpfs', '{ type: tmpfs, target: /scratch }', {}],
    ['what the kernel makes', '"/dev/dri:/dev/dri", "/proc:/p:ro", "/sys:/s:ro", "/run/udev:/run/udev"', {}],
    ['a socket', '"/var/run/docker.sock:/var/run/docker.sock", "/srv/app.sock:/app.sock"', {}],
    [
      'what the installation of the server says again, read-only',
      '"/etc/localtime:/etc/localtime:ro", "/etc/timezone:/tz:ro", "/usr/share/zoneinfo:/z:ro", "/etc/passwd:/etc/passwd:ro", "/lib/modules:/lib/modules:ro", "/:/host:ro"',
      {},
    ],
  ])('%s', async (_name, volumes, lab) => {
    expect(await uncovered(volumes, lab)).toEqual([]);
  });

  test('what may be lost for a reason, and the reason is shown', async () => {
    const service =
      'backup: { excludes: [cache] }\npolicy: { allow: [{ rule: backup-coverage, container: web, reason: made anew }] }\n';
    const files = filesOf('"/tank/services/photo/cache:/cache"', { service });
    const { warnings, policy } = await stateOf(files, { compose: builtInReader() });
    expect(warnings).toEqual([]);
    expect(policy.exceptions).toMatchObject([{ reason: 'made anew', finding: { rule: 'backup-coverage' } }]);
  });
});

test('an exception is needed still where the lab declares no backup any more', async () => {
  const service = 'policy: { allow: [{ rule: backup-coverage, reason: films can be had again }] }\n';
  const found = await problemsOf(filesOf('"/srv/movies:/movies"', { lab: smallLab, service }), {
    compose: builtInReader(),
  });
  expect(found).toEqual([]);
  const none = await problemsOf(filesOf('"./config.ini:/config.ini:ro"', { lab: smallLab, service }), {
    compose: builtInReader(),
  });
  expect(none.join()).toContain('the exception is not needed');
});

describe('a lab that declares no backup', () => {
  const told =
    'lab.yaml:1:1 warning: no data of this lab is in a backup: lab.yaml declares none => add backup (docs/backups.md), or turn backup-coverage off in policy.rules if all of it may be lost';
  const found = (volumes: string, lab = smallLab, files: Files = {}) =>
    problemsOf(filesOf(volumes, { lab, files }), { compose: builtInReader() });

  test('is told so once, however many services have data', async () => {
    const files = { 'services/media/compose.yaml': web('    volumes: ["/srv/films:/films"]\n') };
    expect(await found('"/srv/movies:/movies", "/srv/more:/more"', smallLab, files)).toEqual([told]);
  });

  test('is told nothing where there is no data, or where the rule is off', async () => {
    expect(await found('"./config.ini:/config.ini:ro"')).toEqual([]);
    const off = `${smallLab}policy: { rules: { backup-coverage: off } }\n`;
    expect(await found('"/srv/movies:/movies"', off)).toEqual([]);
  });

  test('is told nothing of it where lab.yaml is wrong: the block may be there', async () => {
    const wrong = (await found('"/srv/movies:/movies"', `${labWith()}  nonsense: 1\n`)).join();
    expect(wrong).toContain('nonsense');
    expect(wrong).not.toContain('backup: lab.yaml declares none');
  });
});

test('what the clock is set by is data where it may be written', async () => {
  expect(await uncovered('"/etc/localtime:/etc/localtime"')).toHaveLength(1);
});

test('data that another commit has taken out of the backup of its service is named, though its own files are the same', async () => {
  const memo = createLoadMemo();
  const told = async (service: string) => {
    await using folder = await labFolder({
      ...filesOf(foreign, { files: media }),
      'services/media/service.yaml': service,
    });
    const result = await load(folder.root, { as: '/checkout', compose: builtInReader(), memo });
    return render(result.ok ? result.state.warnings : result.problems).filter((line) =>
      line.includes('in no backup'),
    );
  };
  expect(await told('backup: {}\n')).toEqual([]);
  expect(await told('backup: { suspend: true }\n')).toHaveLength(1);
});
