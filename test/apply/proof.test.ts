import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type ProofLab, proofLab } from './proof-lab.ts';

let lab: ProofLab;

beforeEach(async () => {
  lab = proofLab();
  await lab.archived();
});

describe('a check', () => {
  const check = (mode: 'partial' | 'full' | 'verify-data') =>
    lab.run({ op: 'borg-check', repository: lab.repository, mode, maxSeconds: 600 });

  it.each(['partial', 'full', 'verify-data'] as const)('%s is clean on a whole repository', async (mode) => {
    expect(await check(mode)).toEqual({ check: { mode, damaged: false, messages: [] } });
  });

  it.each(['partial', 'full', 'verify-data'] as const)(
    '%s finds a damaged segment and says so',
    async (mode) => {
      const folder = lab.at('repository/data/0');
      const file =
        readdirSync(folder)
          .map((name) => path.join(folder, name))
          .sort((a, b) => readFileSync(b).length - readFileSync(a).length)[0] ?? '';
      const bytes = readFileSync(file);
      bytes.fill(88, 1_000_000, 1_000_010);
      writeFileSync(file, bytes);
      const facts = await check(mode);
      expect(facts?.check?.damaged).toBe(true);
      expect(facts?.failed).toMatch(
        /^borg check found damage in .*repository \(.*\); look at its disk, then run borg check .*--repair/,
      );
    },
  );

  it('that cannot be made says nothing of damage', async () => {
    rmSync(lab.at('repository'), { recursive: true });
    await expect(check('partial')).rejects.toThrow(/there is no repository|does not exist/);
  });
});
