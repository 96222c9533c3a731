import { type Command, Option } from 'commander';
import { host, kept, lazily, output } from './options.ts';

/** What a person asks of Git and of this host every day. */

export function inspect(program: Command): void {
  program
    .command('init')
    .argument('[dir]', 'where to write it', '.')
    .description('write a config repository to start from')
    .action(lazily(async () => (await import('../commands/init.ts')).init));
  program
    .command('validate')
    .argument('[dir]', 'a config repository', '.')
    .description('check every file; exit 0 valid, 1 problems')
    .option('--strict', 'warnings count as problems, such as data that is in no backup')
    .addOption(
      new Option('--output <format>', 'how to print; sarif is for forges')
        .choices(['text', 'json', 'sarif'])
        .default('text'),
    )
    .option('--compose <reader>', 'who reads compose files: auto, docker or built-in', 'auto')
    .action(lazily(async () => (await import('../commands/validate.ts')).validate));
  program
    .command('schema')
    .argument('[file]', 'lab or service', 'service')
    .description('print the JSON Schema of lab.yaml or service.yaml')
    .action(lazily(async () => (await import('../commands/schema.ts')).schema));
  host(output(program.command('plan')))
    .description('show what would change and why; exit 0 nothing, 2 changes, 1 error')
    .option('-v, --verbose', 'show the command of every step')
    .action(lazily(async () => (await import('../commands/plan.ts')).plan));
}

export function change(program: Command): void {
  host(output(program.command('reconcile')))
    .description(
      'make the host what Git says, again and again; with --once exit 0 converged, 1 not, or degraded',
    )
    .option('--once', 'one cycle, then exit')
    .option('--wait <seconds>', 'how long to wait for another steward to finish', '30')
    .option('--interval <time>', 'how often to look (60s)')
    .option('--listen <address:port>', 'where metrics and status are served (127.0.0.1:9464)')
    .option('-v, --verbose', 'show the command of every step')
    .action(lazily(async () => (await import('../commands/reconcile.ts')).reconcile));
}

export function records(program: Command): void {
  kept(output(program.command('status')))
    .description('what is as Git says and what is not; exit 0 converged, 1 not, or degraded')
    .action(lazily(async () => (await import('../commands/status.ts')).status));
  host(program.command('ca'))
    .description("print the root certificate of the hub's internal CA, for your devices to trust")
    .action(lazily(async () => (await import('../commands/ca.ts')).ca));
  host(program.command('approve'))
    .argument('<commit>', 'at least 7 characters of it')
    .description('let a commit through that removes many services')
    .action(lazily(async () => (await import('../commands/approve.ts')).approveCommit));
  kept(output(program.command('why')))
    .argument('<id>', 'a resource, such as compose-stack:photo; or photo: all of that name, its restores too')
    .description('what was done to one resource: when, why, for which commit, and how it ended')
    .action(lazily(async () => (await import('../commands/why.ts')).why));
  kept(program.command('retry'))
    .argument('<service>')
    .description('try a service again that Steward gave up on')
    .action(lazily(async () => (await import('../commands/retry.ts')).retry));
  kept(program.command('forget'))
    .argument('<id>', 'such as zfs-dataset:datapool/services/photo')
    .description('forget that a resource was ever there, so that an empty one may be made')
    .action(lazily(async () => (await import('../commands/forget.ts')).forgetResource));
}
