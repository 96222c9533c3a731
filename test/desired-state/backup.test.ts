import { describe, expect, test } from 'vitest';
import { find, web } from './inferred.ts';
import { problemsOf, smallLab, uncoveredLab } from './lab-folder.ts';

const labWith = (more = '') => `${smallLab}backup:
  repository: ssh://borg@backup.lan/./lab/
  passphrase: { file: /etc/steward/borg-passphrase }
  schedule: "30 3 * * *"
  timezone: Europe/Rome
  excludes: ["*.tmp"]
  retention: { daily: 7 }
${more}`;

const photo = web('    volumes: ["/tank/services/photo/data:/data"]\n');

function files(service = '', lab = labWith(), compose = photo) {
  return {
    'lab.yaml': lab,
    'services/photo/compose.yaml': compose,
    ...(service === '' ? {} : { 'services/photo/service.yaml': service }),
  };
}

describe('a lab with a backup', () => {
  test('gives each service a repository of its own below the one of the lab', async () => {
    const [repository] = await find(files(), 'borg-repository');
    expect(repository).toMatchObject({
      id: 'borg-repository:tank/services/photo',
      service: 'photo',
      origin: { file: 'lab.yaml', line: 5 },
      repository: {
        location: 'ssh://borg@backup.lan/./lab/tank_services_photo',
        encryption: 'repokey-blake2',
        passphraseFile: '/etc/steward/borg-passphrase',
        appendOnly: false,
      },
    });
  });

  test('backs up every service by the defaults of the lab', async () => {
    const [backup] = await find(files(), 'backup');
    expect(backup).toMatchObject({
      id: 'backup:photo',
      needs: [
        'borg-repository:tank/services/photo',
        'zfs-dataset:tank/services/photo',
        'compose-stack:photo',
      ],
      schedule: { cron: '30 3 * * *', timezone: 'Europe/Rome' },
      quiesce: 'stop',
      retention: { daily: 7 },
      excludes: ['*.tmp'],
      jitterSeconds: 0,
      startingDeadlineSeconds: null,
      collapsePercent: 50,
      datasets: [{ name: 'tank/services/photo', mountpoint: '/tank/services/photo' }],
    });
  });

  test('takes what a service says before what the lab says; its excludes come besides', async () => {
    const own = `dataset: { children: { database: {} } }
backup:
  schedule: "0 2 * * *"
  quiesce: pause
  retention: { monthly: 12 }
  excludes: ["thumbs/**"]
  jitter: 10m
  startingDeadline: 2h
  hooks: { before: [{ container: web, exec: [sync], timeout: 5s }] }
`;
    const [backup] = await find(files(own), 'backup');
    expect(backup).toMatchObject({
      schedule: { cron: '0 2 * * *', timezone: 'Europe/Rome' },
      quiesce: 'pause',
      retention: { monthly: 12 },
      excludes: ['*.tmp', 'thumbs/**'],
      jitterSeconds: 600,
      startingDeadlineSeconds: 7_200,
      hooks: { before: [{ container: 'web', argv: ['sync'], timeoutSeconds: 5 }], after: [] },
      datasets: [
        { name: 'tank/services/photo', mountpoint: '/tank/services/photo' },
        { name: 'tank/services/photo/database', mountpoint: '/tank/services/photo/database' },
      ],
    });
  });
});

describe('mistakes', () => {
  test('a backup of a service without one of the lab says what to add', async () => {
    expect(await problemsOf(files('backup: { quiesce: none }\n', uncoveredLab))).toEqual([
      'services/photo/service.yaml:1:1 error: lab.yaml declares no backup, so it is not known where archives go => add backup to lab.yaml, or remove it here',
    ]);
  });

  test('a hook for a container that is not there names the nearest', async () => {
    const own = 'backup:\n  hooks:\n    before:\n      - { container: wep, exec: [sync] }\n';
    expect(await problemsOf(files(own))).toEqual([
      'services/photo/service.yaml:4:22 error: there is no container wep in the compose file => write web',
    ]);
  });

  test('an encrypted repository needs a passphrase', async () => {
    const lab = labWith().replace(/ {2}passphrase.*\n/, '');
    expect(await problemsOf(files('', lab))).toEqual([
      'lab.yaml:4:1 error: backups are encrypted (repokey-blake2), and there is no passphrase => write passphrase: { file: /etc/steward/borg-passphrase }',
    ]);
  });
});
