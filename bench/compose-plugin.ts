import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { composeBinary } from '../test/support/compose-binary.ts';
import { runOk } from '../tools/run.ts';
import { isDebian } from './debian.ts';

/** The compose v2 plugin of this machine; on a Debian that has none (12), the one of Debian 13. */
export async function findComposePlugin(home: string): Promise<string> {
  const found = composeBinary();
  if (found !== undefined) return found;
  if (!isDebian()) throw new Error('install the docker compose plugin first');
  return fromTrixie(join(home, 'trixie'));
}

/** Through apt, with lists of its own: the machine's sources stay as they are, and nothing is installed. */
async function fromTrixie(folder: string): Promise<string> {
  mkdirSync(join(folder, 'lists/partial'), { recursive: true });
  const source = join(folder, 'trixie.sources');
  writeFileSync(
    source,
    [
      'Types: deb',
      'URIs: http://deb.debian.org/debian',
      'Suites: trixie',
      'Components: main',
      'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg',
      '',
    ].join('\n'),
  );
  const only = ['-o', `Dir::Etc::SourceList=${source}`, '-o', 'Dir::Etc::SourceParts=-'];
  const options = [...only, '-o', `Dir::State::Lists=${join(folder, 'lists')}`, '-q'];
  // A sandboxed download would need the folder to be readable to the user _apt.
  const plain = ['-o', 'APT::Sandbox::User=root'];
  await runOk('apt-get', [...options, ...plain, 'update'], { timeoutMs: 120_000 });
  await runOk('apt-get', [...options, ...plain, 'download', 'docker-compose'], {
    timeoutMs: 120_000,
    cwd: folder,
  });
  const archive = readdirSync(folder).find((name) => name.endsWith('.deb'));
  if (archive === undefined) throw new Error('apt-get download docker-compose left no package');
  await runOk('dpkg', ['-x', join(folder, archive), join(folder, 'tree')]);
  return join(folder, 'tree/usr/libexec/docker/cli-plugins/docker-compose');
}
