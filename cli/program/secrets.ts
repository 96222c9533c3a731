import type { Command } from 'commander';
import { lazily, output } from './options.ts';

/** Encrypted environment files in a person's own checkout. */
export function secrets(program: Command): void {
  const group = program
    .command('secrets')
    .description('encrypted environment files in the config repository');
  checkout(group.command('edit'))
    .argument('<name>', 'a service')
    .description('change .env.age of a service in $VISUAL or $EDITOR; what is plain stays in memory')
    .action(lazily(async () => (await import('../commands/secrets-edit.ts')).edit));
  checkout(group.command('encrypt'))
    .argument('<name>', 'a service')
    .argument('[file]', "a plain environment file; default: the service's .env")
    .description('make .env.age of a plain file')
    .action(lazily(async () => (await import('../commands/secrets-encrypt.ts')).encrypt));
  checkout(group.command('rekey'))
    .argument('[names...]', 'services; default: all')
    .description('encrypt again, for the recipients that lab.yaml names now')
    .action(lazily(async () => (await import('../commands/secrets-rekey.ts')).rekey));
  checkout(output(group.command('check')))
    .description('find plain secrets, and files that are not for the recipients; exit 0 none, 1 some')
    .action(lazily(async () => (await import('../commands/secrets-check.ts')).check));
  key(group.command('keygen'))
    .description('make an identity, and print its recipient')
    .action(lazily(async () => (await import('../commands/secrets-keygen.ts')).keygen));
}

function checkout(command: Command): Command {
  return key(command).option('-C, --repository <dir>', 'the config repository', '.');
}

function key(command: Command): Command {
  return command
    .option('--identity <file>', 'private key of age (/etc/steward/age.key)')
    .option('--config <file>', 'bootstrap file (/etc/steward/steward.yaml)');
}
