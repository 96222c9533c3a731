import { withBackup } from '../archives/context.ts';
import { knownArchives } from '../archives/known.ts';
import { renderArchives } from '../render/archives.ts';
import { lookOf } from '../render/text.ts';
import type { Flags } from '../settings.ts';
import { printJson } from '../terminal.ts';

export interface ArchivesFlags extends Flags {
  output: 'text' | 'json';
  refresh?: boolean;
}

/** Which archives of a service there are, newest first. Exit 0. */
export function archives(name: string, flags: ArchivesFlags): Promise<number> {
  return withBackup(name, flags, 'archives', async (context) => {
    const known = await knownArchives(context, flags.refresh === true);
    const { location } = context.desired.repository;
    if (flags.output === 'json') printJson({ location, ...known });
    else {
      const look = { ...lookOf(process.stdout), now: Date.now() };
      process.stdout.write(renderArchives(known, location, look));
    }
    return 0;
  });
}
