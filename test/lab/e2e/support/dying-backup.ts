/**
 * A backup by hand that dies, or stands still for ever, at one step: `node dying.js SERVICE OP before|middle|after
 * die|hang`; OP may be `borg-create#2`, the second of its kind. Everything but the executor's wrapper is what `steward backup run` uses. Prints `reached` when it does.
 */
import { backgroundDeps } from '../../../../cli/background.ts';
import { readSettings } from '../../../../cli/settings.ts';
import { wire } from '../../../../cli/wire.ts';
import type { Executor } from '../../../../reconciler/apply/types.ts';
import { backgroundGroups, runGroup } from '../../../../reconciler/background.ts';
import { runCycle } from '../../../../reconciler/cycle.ts';

const [service = '', place = '', where = '', how = ''] = process.argv.slice(2);
const [op = '', nth = '1'] = place.split('#');
let seen = 0;

/** How far into the step its middle is; every step of this lab takes longer. */
const middleMs = Number(process.env.MIDDLE_MS ?? 150);

async function reached(): Promise<void> {
  console.log('reached');
  if (how === 'die') process.kill(process.pid, 'SIGKILL');
  await new Promise(() => setInterval(() => {}, 60_000));
}

function dying(executor: Executor): Executor {
  return {
    async execute(step, options) {
      if (step.op === op) seen += 1;
      if (step.op !== op || seen !== Number(nth)) return executor.execute(step, options);
      if (where === 'before') await reached();
      const middle = where === 'middle' ? setTimeout(() => void reached(), middleMs) : undefined;
      const facts = await executor.execute(step, options);
      if (where === 'after') await reached();
      if (middle !== undefined) await new Promise(() => {});
      return facts;
    },
  };
}

const settings = readSettings({});
const wired = await wire(settings);
const deps = { ...wired.deps, executor: dying(wired.deps.executor) };
const atMs = Math.floor(Date.now() / 1000) * 1000;
// DUE=1: what is due by its schedule, such as a restore drill, rather than a backup by hand.
const asked = process.env.DUE === '1' ? {} : { asked: { services: [service], atMs, together: false } };
const cycle = await runCycle(deps, { dry: true, ...asked });
if (cycle.plan === null) throw new Error(`no plan: ${cycle.result} ${cycle.loadError ?? ''}`);
const background = { ...backgroundDeps(wired, settings, 'backup run'), executor: deps.executor };
for (const group of backgroundGroups(cycle.plan)) {
  const outcomes = await runGroup(group, cycle.commit?.id ?? '', background);
  console.log(JSON.stringify(outcomes.map(({ result, error }) => ({ result, error }))));
}
wired.close();
