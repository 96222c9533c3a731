import { Command, Option } from 'commander';
import { messageOf } from './errors.ts';
import { version } from './version.ts';

/** The `steward` command. Each sub-command loads only what it needs: starting is most of a short command's time. */

export async function main(argv: string[]): Promise<void> {
  const program = build();
  try {
    await program.parseAsync(argv);
  } catch (error) {
    const { note } = await import('./terminal.ts');
    note(messageOf(error).trimEnd());
    process.exitCode = 1;
  }
}

function build(): Command {
  const program = new Command('steward');
  program.description('Push to Git, and the server becomes what Git says.').version(version());
  program.showHelpAfterError().showSuggestionAfterError();
  inspect(program);
  change(program);
  backups(program);
  archives(program);
  restoring(program);
  keys(program);
  records(program);
  snapshots(program);
  return program;
}

function inspect(program: Command): void {
  program
    .command('init')
    .argument('[dir]', 'where to write it', '.')
    .description('write a config repository to start from')
    .action(lazily(async () => (await import('./commands/init.ts')).init));
  output(program.command('validate'))
    .argument('[dir]', 'a config repository', '.')
    .description('check every file; exit 0 valid, 1 problems')
    .option('--strict', 'warnings count as problems, such as data that is in no backup')
    .option('--compose <reader>', 'who reads compose files: auto, docker or built-in', 'auto')
    .action(lazily(async () => (await import('./commands/validate.ts')).validate));
  program
    .command('schema')
    .argument('[file]', 'lab or service', 'service')
    .description('print the JSON Schema of lab.yaml or service.yaml')
    .action(lazily(async () => (await import('./commands/schema.ts')).schema));
  host(output(program.command('plan')))
    .description('show what would change and why; exit 0 nothing, 2 changes, 1 error')
    .option('-v, --verbose', 'show the command of every step')
    .action(lazily(async () => (await import('./commands/plan.ts')).plan));
}

function change(program: Command): void {
  host(output(program.command('reconcile')))
    .description('make the host what Git says, again and again; with --once exit 0 converged, 1 not')
    .option('--once', 'one cycle, then exit')
    .option('--wait <seconds>', 'how long to wait for another steward to finish', '30')
    .option('--interval <time>', 'how often to look (60s)')
    .option('--listen <address:port>', 'where metrics and status are served (127.0.0.1:9464)')
    .option('-v, --verbose', 'show the command of every step')
    .action(lazily(async () => (await import('./commands/reconcile.ts')).reconcile));
}

function backups(program: Command): void {
  const backup = program.command('backup').description('make backups now, and see what became of them');
  host(output(backup.command('run')))
    .argument('[service...]')
    .description('back up now, whatever the schedule says; exit 0 each has its archive, 1 not')
    .option('--all', 'every service that has a backup')
    .option('--together', 'stop all of them once, and take one snapshot of everything')
    .action(lazily(async () => (await import('./commands/backup-run.ts')).backupRun));
  host(output(backup.command('check')))
    .argument('[service...]')
    .description('have borg check look at whole repositories now; exit 0 clean, 1 not')
    .option('--all', 'every service that has a backup')
    .option('--verify-data', 'read and verify all data, which takes long')
    .action(lazily(async () => (await import('./commands/backup-proof.ts')).backupCheck));
  host(output(backup.command('drill')))
    .argument('[service...]')
    .description('restore the newest archive for proof now; exit 0 it is what was archived, 1 not')
    .option('--all', 'every service that has a backup')
    .action(lazily(async () => (await import('./commands/backup-proof.ts')).backupDrill));
  host(output(backup.command('history')))
    .argument('[service]')
    .description('one line a backup, check or drill: when, how long, how long down, how much')
    .option('--limit <count>', 'how many', '20')
    .action(lazily(async () => (await import('./commands/backup-history.ts')).backupHistory));
}

function archives(program: Command): void {
  const service = 'a service';
  const which = 'its name, the beginning of it, or latest';
  host(output(program.command('archives')))
    .argument('<service>')
    .description('which archives of a service there are, newest first')
    .option('--refresh', 'ask the repository, whatever is known')
    .action(lazily(async () => (await import('./commands/archives.ts')).archives));
  host(output(program.command('browse')))
    .argument('<service>', service)
    .argument('<archive>', which)
    .argument('[path]', "below the service's dataset")
    .description('what is in a folder of an archive')
    .option('-r, --recursive', 'and in all folders below it')
    .action(lazily(async () => (await import('./commands/browse.ts')).browse));
  host(output(program.command('extract')))
    .argument('<service>', service)
    .argument('<archive>', which)
    .argument('[path...]', "below the service's dataset; default: everything")
    .requiredOption('--to <dir>', 'a new or empty folder')
    .description('copy files out of an archive into a folder of your own')
    .action(lazily(async () => (await import('./commands/extract.ts')).extract));
  host(program.command('mount'))
    .argument('<service>', service)
    .argument('<archive>', which)
    .argument('<dir>', 'a new or empty folder')
    .description('show an archive as a folder, until Ctrl-C')
    .action(lazily(async () => (await import('./commands/mount.ts')).mount));
  program
    .command('umount')
    .argument('<dir>')
    .description('end a mount of an archive')
    .action(lazily(async () => (await import('./commands/mount.ts')).umount));
  host(output(program.command('delete-archive')))
    .argument('<service>', service)
    .argument('<archive>', which)
    .description('delete one archive for ever; asks twice')
    .option('--force', 'also the newest, or the last one that was restored for proof')
    .option('--confirm <archive>', 'its whole name again: do not ask')
    .action(lazily(async () => (await import('./commands/delete-archive.ts')).deleteArchive));
}

function restoring(program: Command): void {
  onHost(output(program.command('restore')))
    .argument('<service>')
    .description('bring the data of a service back from an archive; exit 0 it runs on it, 1 it is as it was')
    .option('--archive <name>', 'which one; default: the newest')
    .option('--path <path>', 'only what is there, below the dataset of the service')
    .option('--config-path <dir>', 'where the config is inside the repository')
    .option('--undo', 'go back to what was there before the last restore')
    .option('--yes', 'do not ask')
    .action(lazily(async () => (await import('./commands/restore.ts')).restore));
  host(output(program.command('recover')))
    .description(
      'on a new server, bring everything back from Git and the backups; exit 0 all of it, 1 not yet',
    )
    .option('--keys <dir>', 'what steward keys export has written, where repositories have lost their keys')
    .option('--start-empty <service...>', 'what has no archive starts with nothing')
    .action(lazily(async () => (await import('./commands/recover.ts')).recover));
}

function keys(program: Command): void {
  const group = program.command('keys').description('keys of repositories, without which no archive is read');
  host(output(group.command('list', { isDefault: true })))
    .description('which were exported, when and where to; exit 0 all, 1 not')
    .action(lazily(async () => (await import('./commands/keys.ts')).list));
  host(output(group.command('export')))
    .argument('[service...]', 'default: all')
    .description('write keys as files and for paper, each proven to open its repository; exit 0 all, 1 not')
    .option('--to <dir>', 'a folder of your choice; keep its files on another machine and on paper')
    .action(lazily(async () => (await import('./commands/keys.ts')).exportKeys));
}

function records(program: Command): void {
  host(output(program.command('status')))
    .description('what is as Git says and what is not; exit 0 converged, 1 not')
    .action(lazily(async () => (await import('./commands/status.ts')).status));
  host(program.command('approve'))
    .argument('<commit>', 'at least 7 characters of it')
    .description('let a commit through that removes many services')
    .action(lazily(async () => (await import('./commands/approve.ts')).approveCommit));
  host(output(program.command('why')))
    .argument('<id>', 'a resource, such as compose-stack:photo or photo')
    .description('what was done to one resource: when, why, for which commit, and how it ended')
    .action(lazily(async () => (await import('./commands/why.ts')).why));
  host(program.command('retry'))
    .argument('<service>')
    .description('try a service again that Steward gave up on')
    .action(lazily(async () => (await import('./commands/retry.ts')).retry));
  host(program.command('forget'))
    .argument('<id>', 'such as zfs-dataset:datapool/services/photo')
    .description('forget that a resource was ever there, so that an empty one may be made')
    .action(lazily(async () => (await import('./commands/forget.ts')).forgetResource));
}

function snapshots(program: Command): void {
  const group = program.command('snapshot').description("snapshots of a service's data, taken by hand");
  local(group.command('create'))
    .usage('[options] NAME TAG | --all TAG')
    .argument('<name>', 'a service')
    .argument('[tag]', 'what to call it, such as before-upgrade')
    .option('--all', 'of all services, at one instant')
    .description('take one of all datasets of a service at one instant')
    .action(lazily(async () => (await import('./commands/snapshot.ts')).create));
  local(output(group.command('list')))
    .argument('[name]', 'a service; default: all')
    .description('which there are, how large, and whose')
    .action(lazily(async () => (await import('./commands/snapshot.ts')).list));
  local(group.command('destroy'))
    .arguments('<name> <tag>')
    .option('--yes', 'do not ask')
    .description('destroy one that was taken by hand')
    .action(lazily(async () => (await import('./commands/snapshot.ts')).destroy));
  local(group.command('rollback'))
    .arguments('<name> <tag>')
    .option('--confirm <name@tag>', 'do not ask')
    .description('bring the files of a service back; what they are now is kept in a snapshot first')
    .action(lazily(async () => (await import('./commands/rollback.ts')).rollback));
}

/** For what needs this host and its state, and no repository. */
function local(command: Command): Command {
  return command
    .option('--state-dir <dir>', 'where Steward keeps its state (/var/lib/steward)')
    .option('--config <file>', 'bootstrap file (/etc/steward/steward.yaml)');
}

function host(command: Command): Command {
  return onHost(command).option('--path <dir>', 'where the config is inside the repository');
}

/** For a command whose own paths are others. */
function onHost(command: Command): Command {
  return command
    .option('--repo <url>', 'the config repository: a URL or a directory')
    .option('--branch <name>', "default: the remote's own")
    .option('--tag <name>', 'follow a tag instead of a branch')
    .option('--state-dir <dir>', 'where Steward keeps its state (/var/lib/steward)')
    .option('--config <file>', 'bootstrap file (/etc/steward/steward.yaml)')
    .addOption(
      new Option('--host <host>', 'what to act on').choices(['local', 'simulator']).default('local'),
    );
}

function output(command: Command): Command {
  return command.addOption(
    new Option('--output <format>', 'how to print').choices(['text', 'json']).default('text'),
  );
}

/** The command is loaded when it is called; what it returns becomes the exit code. */
function lazily<Args extends unknown[]>(load: () => Promise<(...args: Args) => Promise<number>>) {
  return async (...args: Args): Promise<void> => {
    const command = await load();
    process.exitCode = await command(...args);
  };
}
