import type { Command } from 'commander';
import { host, kept, lazily, onHost, output } from './options.ts';

/** Backups, their archives and keys, and the way back. */

export function backups(program: Command): void {
  const backup = program.command('backup').description('make backups now, and see what became of them');
  host(output(backup.command('run')))
    .argument('[service...]')
    .description('back up now, whatever the schedule says; exit 0 each has its whole archive, 1 not')
    .option('--all', 'every service that has a backup')
    .option('--together', 'stop all of them once, and take one snapshot of everything')
    .action(lazily(async () => (await import('../commands/backup-run.ts')).backupRun));
  host(output(backup.command('check')))
    .argument('[service...]')
    .description('have borg check look at whole repositories now; exit 0 clean, 1 not')
    .option('--all', 'every service that has a backup')
    .option('--verify-data', 'read and verify all data, which takes long')
    .action(lazily(async () => (await import('../commands/backup-proof.ts')).backupCheck));
  host(output(backup.command('drill')))
    .argument('[service...]')
    .description('restore the newest archive for proof now; exit 0 it is what was archived, 1 not')
    .option('--all', 'every service that has a backup')
    .action(lazily(async () => (await import('../commands/backup-proof.ts')).backupDrill));
  kept(output(backup.command('history')))
    .argument('[service]')
    .description('one line a backup, check, drill or restore: when, how long, how long down, how much')
    .option('--limit <count>', 'how many', '20')
    .action(lazily(async () => (await import('../commands/backup-history.ts')).backupHistory));
}

export function archives(program: Command): void {
  const service = 'a service';
  const which = 'its name, the beginning of it, or latest';
  host(output(program.command('archives')))
    .argument('<service>')
    .description('which archives of a service there are, newest first')
    .option('--refresh', 'ask the repository, whatever is known')
    .action(lazily(async () => (await import('../commands/archives.ts')).archives));
  host(output(program.command('browse')))
    .argument('<service>', service)
    .argument('<archive>', which)
    .argument('[path]', "below the service's dataset")
    .description('what is in a folder of an archive')
    .option('-r, --recursive', 'and in all folders below it')
    .action(lazily(async () => (await import('../commands/browse.ts')).browse));
  host(output(program.command('extract')))
    .argument('<service>', service)
    .argument('<archive>', which)
    .argument('[path...]', "below the service's dataset; default: everything")
    .requiredOption('--to <dir>', 'a new or empty folder')
    .description('copy files out of an archive into a folder of your own')
    .action(lazily(async () => (await import('../commands/extract.ts')).extract));
  host(program.command('mount'))
    .argument('<service>', service)
    .argument('<archive>', which)
    .argument('<dir>', 'a new or empty folder')
    .description('show an archive as a folder, until Ctrl-C')
    .action(lazily(async () => (await import('../commands/mount.ts')).mount));
  program
    .command('umount')
    .argument('<dir>')
    .description('end a mount of an archive')
    .action(lazily(async () => (await import('../commands/mount.ts')).umount));
  host(output(program.command('delete-archive')))
    .argument('<service>', service)
    .argument('<archive>', which)
    .description('delete one archive for ever; asks twice')
    .option('--force', 'also the newest, or the last one that was restored for proof')
    .option('--confirm <archive>', 'its whole name again: do not ask')
    .action(lazily(async () => (await import('../commands/delete-archive.ts')).deleteArchive));
}

export function restoring(program: Command): void {
  onHost(output(program.command('restore')))
    .argument('<service>')
    .description('bring the data of a service back from an archive; exit 0 it runs on it, 1 it is as it was')
    .option('--archive <name>', 'which one, by its whole name; default: the newest')
    .option('--path <path>', 'only what is there, below the dataset of the service')
    .option('--config-path <dir>', 'where the config is inside the repository')
    .option('--undo', 'go back to what was there before the last restore')
    .option('--yes', 'do not ask')
    .action(lazily(async () => (await import('../commands/restore.ts')).restore));
  host(output(program.command('recover')))
    .description(
      'on a new server, bring everything back from Git and the backups; exit 0 all of it, 1 not yet',
    )
    .option('--keys <dir>', 'what steward keys export has written, where repositories have lost their keys')
    .option('--start-empty <service...>', 'what has no archive that can be read starts with nothing')
    .option('--keep-what-is-there <service>', 'it starts with a copy that you have put there; asks again')
    .option('--confirm <service>', 'with --keep-what-is-there, its name again: do not ask')
    .action(lazily(async () => (await import('../commands/recover.ts')).recover));
}

export function keys(program: Command): void {
  const group = program.command('keys').description('keys of repositories, without which no archive is read');
  host(output(group.command('list', { isDefault: true })))
    .description('which were exported, when and where to; exit 0 all, 1 not')
    .action(lazily(async () => (await import('../commands/keys.ts')).list));
  host(output(group.command('export')))
    .argument('[service...]', 'default: all')
    .description('write keys as files and for paper, each proven to open its repository; exit 0 all, 1 not')
    .option('--to <dir>', 'a folder of your choice; keep its files on another machine and on paper')
    .action(lazily(async () => (await import('../commands/keys.ts')).exportKeys));
}
