import type { z } from 'zod';
import { absolutePath, cron, duration, timezone } from './names.ts';
import { choice, flag, list, mapping, text, whole, words } from './words.ts';

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
  'How many archives of each kind are kept; without it nothing is pruned.',
  '{ daily: 7, weekly: 4 }',
).refine((counts) => Object.values(counts).some((count) => count !== undefined && count > 0), {
  // A retention that keeps nothing would prune every archive: nobody means that.
  error: words('a retention that keeps at least one archive', 'write { daily: 7, weekly: 4 }'),
  when: ({ issues }) => issues.length === 0,
});

const startingDeadline = duration('A tick that could not start within this time is left out.');
const jitter = duration('A tick starts at most this much later, always equally much for one service.');
const collapse = whole(
  0,
  100,
  'Nothing is pruned after an archive with fewer files or bytes than this percentage of the largest whole one before.',
);

const drill = mapping(
  {
    schedule: cron('When the newest archive is restored and compared.'),
    start: flag('Start the stack on the restored data, in a network of its own.').default(false),
  },
  'Restore drills.',
  '{ schedule: "0 5 * * 0" }',
);

const check = mapping(
  {
    schedule: cron('When `borg check` looks at the repository.'),
    maxDuration: duration(
      "How long one look at the repository's own data may take; the next goes on from there. Once it is through, the lists of all archives are checked too, without a limit: Borg has none for them.",
    ).default('30m'),
    verifyData: cron('When all data is read and verified, which takes long.').optional(),
  },
  'Checks of the repositories.',
  '{ schedule: "0 6 * * 0" }',
);

const hook = mapping(
  {
    container: text({
      expected: 'the name of a service inside the compose file',
      example: 'database',
      pattern: /^[a-zA-Z0-9._-]+$/,
      description: 'Name of the service inside the compose file.',
    }),
    exec: list(
      text({
        expected: 'a word of the command such as "pg_dumpall"',
        example: '"pg_dumpall"',
        description: 'The command, a word an entry.',
      }),
      'The command, a word an entry.',
    ).min(1, { error: words('a command of at least one word', 'write e.g. ["pg_dumpall", "-f", "/dump"]') }),
    timeout: duration('How long it may take.').default('60s'),
  },
  'A command inside a container.',
  '{ container: database, exec: ["pg_dumpall"] }',
);

const hooks = mapping(
  {
    before: list(hook, 'Run before the snapshot, while the containers run.').default([]),
    after: list(hook, 'Run after it, once they run again.').default([]),
  },
  'Commands around the snapshot.',
);

const schedule = cron('When backups start, as five cron fields.');
const zone = timezone('Time zone of the schedule.');

export const labBackup = mapping(
  {
    repository: text({
      expected: 'a Borg repository such as ssh://borg@backup.lan:23/./lab or an absolute path',
      example: 'ssh://borg@backup.lan:23/./lab',
      // What begins with a dash ssh would take for an option, and run what it says.
      pattern:
        /^(ssh:\/\/(?!-)([^\s/@]+@)?(?!-)[^\s/@]+\/\S+|\/\S*[^\s/]|(?!-)[^\s/:@]+@(?!-)[^\s/:@]+:\S+)$/,
      description: 'Where repositories are; each dataset gets one below it.',
    }),
    passphrase: mapping(
      { file: absolutePath('File on the host that holds the passphrase.', '/etc/steward/borg-passphrase') },
      'A reference to the passphrase, never the words themselves.',
      '{ file: /etc/steward/borg-passphrase }',
    ).optional(),
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
    keysDirectory: absolutePath(
      'Folder on the host in which Borg keeps the keys of keyfile modes (BORG_KEYS_DIR). With repokey modes nothing is put there: the key is in the repository. steward keys export writes copies to take away, where its --to says.',
      '/etc/steward/borg-keys',
    ).optional(),
    schedule: schedule.optional(),
    timezone: zone.default('UTC'),
    retention: retention.optional(),
    startingDeadline: startingDeadline.optional(),
    jitter: jitter.optional(),
    concurrency: whole(
      1,
      16,
      'Backups that may upload at the same time, besides one check or drill.',
    ).default(1),
    collapse: collapse.default(50),
    appendOnly: flag('Nothing is ever deleted in the repositories: prune is off.').default(false),
    check: check.optional(),
    drill: drill.optional(),
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
    compression: compression.optional(),
    startingDeadline: startingDeadline.optional(),
    jitter: jitter.optional(),
    collapse: collapse.optional(),
    hooks: hooks.optional(),
    drill: drill.optional(),
    suspend: flag('No backups of this service.').optional(),
  },
  'How this service differs from the backup defaults.',
);

export type LabBackup = z.output<typeof labBackup>;
