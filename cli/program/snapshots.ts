import type { Command } from 'commander';
import { lazily, local, output } from './options.ts';

export function snapshots(program: Command): void {
  const group = program.command('snapshot').description("snapshots of a service's data, taken by hand");
  local(group.command('create'))
    .usage('[options] NAME TAG | --all TAG')
    .argument('<name>', 'a service')
    .argument('[tag]', 'what to call it, such as before-upgrade')
    .option('--all', 'of all services, at one instant')
    .description('take one of all datasets of a service at one instant')
    .action(lazily(async () => (await import('../commands/snapshot.ts')).create));
  local(output(group.command('list')))
    .argument('[name]', 'a service; default: all')
    .description('which there are, how large, and whose')
    .action(lazily(async () => (await import('../commands/snapshot.ts')).list));
  local(group.command('destroy'))
    .arguments('<name> <tag>')
    .option('--yes', 'do not ask')
    .description('destroy one that was taken by hand')
    .action(lazily(async () => (await import('../commands/snapshot.ts')).destroy));
  local(output(group.command('rollback')))
    .arguments('<name> <tag>')
    .option('--confirm <name@tag>', 'do not ask')
    .description('bring the files of a service back; what they are now is kept in a snapshot first')
    .action(lazily(async () => (await import('../commands/rollback.ts')).rollback));
}
