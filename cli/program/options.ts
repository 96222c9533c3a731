import { type Command, Option } from 'commander';

/** Options that several commands have, and how a command is run. */

/** For what needs this host and its state, and no repository. */
export function local(command: Command): Command {
  return command
    .option('--state-dir <dir>', 'where Steward keeps its state (/var/lib/steward)')
    .option('--config <file>', 'bootstrap file (/etc/steward/steward.yaml)');
}

/** The same, of a simulated host too. */
export function kept(command: Command): Command {
  return local(command).addOption(
    new Option('--host <host>', 'what to act on').choices(['local', 'simulator']).default('local'),
  );
}

export function host(command: Command): Command {
  return onHost(command).option('--path <dir>', 'where the config is inside the repository');
}

/** For a command whose own paths are others. */
export function onHost(command: Command): Command {
  const git = command
    .option('--repo <url>', 'the config repository: a URL or a directory')
    .option('--branch <name>', "default: the remote's own")
    .option('--tag <name>', 'follow a tag instead of a branch');
  return kept(git);
}

export function output(command: Command): Command {
  return command.addOption(
    new Option('--output <format>', 'how to print').choices(['text', 'json']).default('text'),
  );
}

/** The command is loaded when it is called; what it returns becomes the exit code. */
export function lazily<Args extends unknown[]>(load: () => Promise<(...args: Args) => Promise<number>>) {
  return async (...args: Args): Promise<void> => {
    const command = await load();
    process.exitCode = await command(...args);
  };
}
