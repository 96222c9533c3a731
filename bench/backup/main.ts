import { machine, printRow, printSummary, type Row } from '../report.ts';
import { unchangedNotEmulated } from './not-emulated.ts';
import { downtimeAlone, downtimeAmongOthers, tenServices } from './rows.ts';
import { startServer } from './server.ts';
import { unchanged } from './unchanged.ts';

/**
 * `npm run bench:backup`: Steward against compose, Borg and a script, in one lab server and in turns. The server is
 * emulated where there is no KVM: only the ratios say something. Exit 0 when every target was met.
 */
process.stdout.write(`${machine().join('\n')}\nin the lab server (QEMU)\n\n`);
const wanted = process.argv.slice(2);
const measures = { downtimeAlone, tenServices, downtimeAmongOthers, unchanged, unchangedNotEmulated };
const rows: Row[] = [];
const skipped: string[] = [];
const lab = await startServer();
try {
  for (const [name, measure] of Object.entries(measures)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    try {
      const row = await measure(lab);
      rows.push(row);
      printRow(row);
    } catch (error) {
      skipped.push(`${name}: ${(error as Error).message}`);
    }
  }
} finally {
  await lab[Symbol.asyncDispose]();
}
printSummary(rows, skipped);
process.exit(skipped.length === 0 && rows.every((row) => row.met) ? 0 : 1);
