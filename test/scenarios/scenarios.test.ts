import { describe, expect, it } from 'vitest';
import { renderPlan } from '../../cli/render/plan.ts';
import { planJson } from '../../cli/render/plan-json.ts';
import { widthOf } from '../../cli/render/text.ts';
import { commandOf } from '../../reconciler/apply/command.ts';
import { converged, makePlan } from '../../reconciler/plan.ts';
import { commit } from '../support/build.ts';
import * as exampleLab from './example-lab.ts';
import * as fromGit from './from-git.ts';
import * as onTheHost from './on-the-host.ts';
import type { Situation } from './settled.ts';
import * as trouble from './trouble.ts';

/**
 * What a person reads in the situations that a home server meets. Each is a file of text, with the exit code of
 * `plan` on its last line, and one of JSON. After a change that is meant: npx vitest run test/scenarios -u, and read
 * what changed.
 */
const now = Date.parse(commit.committedAt) + 120_000;
const nowMs = 1_000_000;
const look = { color: false, width: null, verbose: false, now, mountpoint: '/datapool/services', commandOf };

const all: [string, () => Situation | Promise<Situation>][] = [
  exampleLab,
  fromGit,
  onTheHost,
  trouble,
].flatMap((file) => Object.entries(file.scenarios));

describe.each(all)('%s', (name, situation) => {
  const planned = async () => makePlan({ ...(await situation()), nowMs }).plan;
  const file = name.replaceAll(' ', '-').replaceAll(',', '');

  it('reads as its golden text', async () => {
    const plan = await planned();
    const text = `${renderPlan(plan, look)}exit ${converged(plan) ? 0 : 2}\n`;
    await expect(text).toMatchFileSnapshot(`golden/${file}.txt`);
  });

  it('keeps to 60 columns, and no word of a reason is lost there', async () => {
    const plan = await planned();
    const text = renderPlan(plan, { ...look, width: 60 });
    const isOneWord = (line: string) => !line.trim().replace(/^→ /, '').includes(' ');
    for (const line of text.split('\n')) expect(isOneWord(line) || widthOf(line) <= 60, line).toBe(true);
    const notes = [...plan.blocked, ...plan.reports].flatMap(({ reasons }) => reasons[0]?.note ?? []);
    const words = text.replaceAll(/\s+/g, ' ');
    for (const note of notes) expect(words).toContain(note);
  });

  it('is as its golden JSON', async () => {
    const json = planJson(await planned(), commandOf);
    await expect(`${JSON.stringify(json, null, 2)}\n`).toMatchFileSnapshot(`golden/${file}.json`);
  });
});

it('every scenario has a name of its own', () => {
  expect(new Set(all.map(([name]) => name)).size).toBe(all.length);
  expect(all.length).toBeGreaterThanOrEqual(25);
});
