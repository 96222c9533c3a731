import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { projectRoot } from '../cli/steward.ts';

/** Section -> key -> value of the unit that the README has people copy. */
function unit(): Record<string, Record<string, string>> {
  const text = /```ini\n([^`]*)```/.exec(readFileSync(join(projectRoot, 'README.md'), 'utf8'))?.[1] ?? '';
  const sections = text.split(/^ *\[/m).slice(1);
  return Object.fromEntries(
    sections.map((section) => {
      const [name = '', ...lines] = section.split('\n');
      const keys = lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
      return [
        name.replace(']', ''),
        Object.fromEntries(keys.map((line) => line.split(/=(.*)/s).slice(0, 2))),
      ];
    }),
  );
}

it('the unit of the README never gives up starting, and lets come to its end what is under way', () => {
  // Without these systemd tries five times within a second, and then never again: the disk may be full for an hour.
  expect(unit()).toMatchObject({
    Unit: { StartLimitIntervalSec: '0' },
    Service: { Restart: 'always', RestartSec: '30', KillMode: 'mixed', TimeoutStopSec: '5min' },
  });
});
