import { readFileSync } from 'node:fs';
import { runOk } from '../../tools/run.ts';
import { mayImport, violations } from './rules.ts';

/** `npm run check`, last part: who imports whom, how long a file is, what was left open. Exit 1 with every breach. */

const root = new URL('../../', import.meta.url).pathname;
const listed = await runOk('git', ['ls-files', '-co', '--exclude-standard', '*.ts'], { cwd: root });
const paths = listed.split('\n').filter((path) => mayImport[path.split('/')[0] ?? ''] !== undefined);
const breaches = paths.flatMap((path) => violations({ path, text: readFileSync(`${root}${path}`, 'utf8') }));
for (const breach of breaches) process.stderr.write(`${breach}\n`);
process.stdout.write(`layout: ${paths.length} files, ${breaches.length} breaches\n`);
process.exitCode = breaches.length === 0 && paths.length > 0 ? 0 : 1;
