import { Command, Help } from 'commander';
import { messageOf, UserError } from './errors.ts';
import { outliveReaders } from './outlive-readers.ts';
import { archives, backups, keys, restoring } from './program/backups.ts';
import { change, inspect, records } from './program/reconciling.ts';
import { secrets } from './program/secrets.ts';
import { snapshots } from './program/snapshots.ts';
import { version } from './version.ts';

/** The `steward` command. Each sub-command loads only what it needs: starting is most of a short command's time. */

export async function main(argv: string[]): Promise<void> {
  const allWritten = outliveReaders();
  const program = build();
  try {
    await program.parseAsync(argv);
    const why = await allWritten();
    if (why !== null) throw new UserError(`what there was to say could not be written: ${why}`);
  } catch (error) {
    const { note } = await import('./terminal.ts');
    note(messageOf(error).trimEnd());
    process.exitCode = 1;
    await allWritten();
  }
}

function build(): Command {
  const program = new Command('steward');
  program.description('Push to Git, and the server becomes what Git says.').version(version());
  program.configureHelp({ subcommandTerm, minWidthToWrap: 16 });
  program.showHelpAfterError().showSuggestionAfterError();
  program.commandsGroup('What is, and what is to be:');
  inspect(program);
  change(program);
  records(program);
  program.commandsGroup('Backups, and the way back:');
  backups(program);
  archives(program);
  restoring(program);
  keys(program);
  program.commandsGroup('Snapshots:');
  snapshots(program);
  program.commandsGroup('Secrets:');
  secrets(program);
  return program;
}

/** Every command has options; the room is for what it does, which a terminal would break inside its words. */
function subcommandTerm(command: Command): string {
  return new Help().subcommandTerm(command).replace(' [options]', '');
}
