import type { z } from 'zod';
import { absolutePath, cron, timezone } from './names.ts';
import { choice, flag, list, mapping, text, whole } from './words.ts';

const excludes = list(
  text({
    expected: 'a pattern such as "*.tmp" or "cache/**"',
    example: '"cache/**"',
    pattern: /^[^\n]+$/,
    description: 'Borg exclude pattern, relative to the dataset.',
  }),
  'What is left out of the archive.',
);

const compression = text({
  expected: 'a compression as Borg writes it such as zstd,3',
  example: 'zstd,3',
  pattern: /^(auto,)?(none|lz4|zstd(,([1-9]|1\d|2[0-2]))?|zlib(,\d)?|lzma(,\d)?)$/,
  description: 'Compression of Borg.',
});

const kept = (what: string) => whole(0, 10_000, `How many ${what} archives are kept.`).optional();

const retention = mapping(
  {
    hourly: kept('hourly'),
    daily: kept('daily'),
    weekly: kept('weekly'),
    monthly: kept('monthly'),
    yearly: kept('yearly'),
  },
  'How many archives of each kind are kept.',
);

const schedule = cron('When backups start, as five cron fields.');
const zone = timezone('Time zone of the schedule.');

export const labBackup = mapping(
  {
    repository: text({
      expected: 'a Borg repository such as ssh://borg@backup.lan:23/./lab or an absolute path',
      example: 'ssh://borg@backup.lan:23/./lab',
      pattern: /^(ssh:\/\/[^\s/]+\/\S+|\/\S*[^\s/]|[^\s/:]+@[^\s/:]+:\S+)$/,
      description: 'Where repositories are; each dataset gets one below it.',
    }),
    passphrase: mapping(
      { file: absolutePath('File on the host that holds the passphrase.', '/etc/steward/borg-passphrase') },
      'A reference to the passphrase, never the words themselves.',
      '{ file: /etc/steward/borg-passphrase }',
    ),
    ssh: mapping(
      {
        identity: absolutePath('Private key on the host.', '/root/.ssh/id_borg').optional(),
        knownHosts: absolutePath('known_hosts file on the host.', '/etc/steward/known_hosts').optional(),
      },
      'How the repository is reached.',
    ).optional(),
    encryption: choice(
      [
        'repokey-blake2',
        'repokey',
        'keyfile-blake2',
        'keyfile',
        'authenticated-blake2',
        'authenticated',
        'none',
      ],
      'Encryption of new repositories.',
    ).default('repokey-blake2'),
    compression: compression.default('zstd,3'),
    excludes: excludes.default([]),
    keysDirectory: absolutePath('Where exported keys are kept.', '/etc/steward/borg-keys').optional(),
    schedule: schedule.optional(),
    timezone: zone.default('UTC'),
    retention: retention.optional(),
  },
  'Backup defaults of every service.',
);

export const serviceBackup = mapping(
  {
    schedule: schedule.optional(),
    timezone: zone.optional(),
    quiesce: choice(
      ['stop', 'pause', 'none'],
      'What happens to the containers while the snapshot is taken.',
    ).optional(),
    retention: retention.optional(),
    excludes: excludes.optional(),
    suspend: flag('No backups of this service.').optional(),
  },
  'How this service differs from the backup defaults.',
);

export type LabBackup = z.output<typeof labBackup>;
