import { beforeEach, describe, expect, it } from 'vitest';
import type { Executor } from '../../../reconciler/apply/types.ts';
import { readBackups } from '../../../reconciler/state/backups.ts';
import { readRuns } from '../../../reconciler/state/runs.ts';
import { readUndo } from '../../../reconciler/state/undo.ts';
import type { Step } from '../../../reconciler/types.ts';
import * as build from '../../support/build.ts';
import { aDayLater, archives, dayMs, desired, faultAt, lab, names, opsSince, running } from './saga-lab.ts';

const isHook = (name: string) => (step: Step) => step.op === 'container-exec' && step.argv[0] === name;

/** What happens while the step is carried out. */
function during(matches: (step: Step) => boolean, happens: () => unknown): { executor: Executor } {
  const { executor } = lab.host;
  return {
    executor: {
      async execute(step, options) {
        const facts = await executor.execute(step, options);
        if (matches(step)) happens();
        return facts;
      },
    },
  };
}

async function replace(): Promise<void> {
  const old = [...lab.host.state.containers.values()].find(({ name }) => name === 'photo-server');
  if (old === undefined) throw new Error('there is no server');
  lab.host.state.containers.delete(old.id);
  lab.host.state.containers.set('another', { ...old, id: 'another' });
}

const stale = 'other containers run than those that were to be held still, so nothing was stopped';

describe('a hook before the snapshot', () => {
  beforeEach(() => aDayLater());

  it('holds back no cycle: these wait from the first stop to the last start', async () => {
    const events: string[] = [];
    const { executor } = lab.host;
    lab.later(dayMs);
    await lab.beside(await lab.cycle(), {
      holdCycles: async () => {
        events.push('held');
        return { release: () => events.push('released') };
      },
      executor: {
        execute(step, options) {
          events.push(step.op);
          return executor.execute(step, options);
        },
      },
    });
    expect(events.slice(0, 7)).toEqual([
      'container-exec',
      'held',
      'containers-stop',
      'zfs-snapshot',
      'containers-start',
      'released',
      'container-exec',
    ]);
  });

  it('is not begun where other containers run than were planned', async () => {
    lab.later(dayMs);
    const cycle = await lab.cycle();
    await replace();
    const before = lab.host.steps.length;
    const [outcome] = await lab.beside(cycle);
    expect(outcome).toMatchObject({ result: 'skipped', error: stale });
    expect(opsSince(before)).toEqual([]);
  });

  it('where others run once it is over, nothing is stopped, and the one after the snapshot undoes it', async () => {
    lab.later(dayMs);
    const before = lab.host.steps.length;
    const [outcome] = await lab.beside(await lab.cycle(), during(isHook('checkpoint'), replace));
    expect(outcome).toMatchObject({ result: 'failed', error: stale, downtimeMs: 0 });
    expect(opsSince(before)).toEqual(['container-exec', 'container-exec']);
    expect(readUndo(lab.store())).toEqual([]);
    expect(readBackups(lab.store()).services.get('photo')).toMatchObject({ attempts: 1, stops: 0 });
    lab.later(3_600_000);
    await lab.beside(await lab.cycle());
    lab.later(3_600_000);
    await lab.beside(await lab.cycle());
    expect(archives()).toHaveLength(2);
  });

  it('that fails ends the backup with nothing stopped, and the one after the snapshot undoes it', async () => {
    lab.host.faults = { steps: [{ when: { matches: isHook('checkpoint') }, how: 'fail', after: 'nothing' }] };
    lab.later(dayMs);
    const before = lab.host.steps.length;
    const { executor } = lab.host;
    const [outcome] = await lab.beside(await lab.cycle(), {
      executor: {
        execute(step, options) {
          lab.later(60_000);
          return executor.execute(step, options);
        },
      },
    });
    expect(outcome).toMatchObject({ result: 'failed', downtimeMs: 0 });
    expect(opsSince(before)).toEqual(['container-exec', 'container-exec']);
    expect(lab.host.steps.slice(before).map(isHook('go-on'))).toEqual([false, true]);
    expect(await running()).toEqual(names);
  });

  it('whose process dies is undone by whoever finds it', async () => {
    lab.later(dayMs);
    const cycle = await lab.cycle();
    faultAt('container-exec', 'all', 'freeze');
    await Promise.race([lab.beside(cycle), lab.host.crashed]);
    lab.restart();
    lab.host.faults = {};
    expect(await lab.settleRuns()).toMatchObject([{ done: ['container-exec'], failed: [] }]);
  });
});

describe('a hook whose container', () => {
  const plannedNotes = async () => {
    lab.later(dayMs);
    const cycle = await lab.cycle({ dry: true });
    const reasons = cycle.plan?.changes.find(({ kind }) => kind === 'backup')?.reasons ?? [];
    return { cycle, notes: reasons.flatMap(({ field, note }) => (field === 'hooks' ? [note] : [])) };
  };

  it.each<[string, () => unknown, string]>([
    [
      'does not run',
      () => lab.host.drift({ drift: 'killContainer', name: 'photo-db' }),
      'container photo-db does not run (exited)',
    ],
    [
      'is not there',
      () => lab.host.drift({ drift: 'removeContainer', name: 'photo-db' }),
      'there is no container db of photo',
    ],
  ])('%s is left out: the plan and the run say so', async (_what, happens, why) => {
    await aDayLater();
    happens();
    const { cycle, notes } = await plannedNotes();
    expect(notes).toEqual([
      `the hook checkpoint before the snapshot is left out: ${why}`,
      `the hook go-on after the snapshot is left out: ${why}`,
    ]);
    const [outcome] = (await lab.beside(cycle)).filter(({ change }) => change.kind === 'backup');
    expect(outcome?.result).toBe('applied');
    expect(outcome?.notes?.join('; ')).toBe(notes.join('; '));
    expect(readRuns(lab.store(), 'photo', 1)[0]?.notes.join()).toContain(why);
  });

  it('runs is not named', async () => {
    await aDayLater();
    expect((await plannedNotes()).notes).toEqual([]);
  });

  it('runs by the time of the snapshot, and did not when it was planned, is not left out', async () => {
    const alone = desired.resources.map((each) =>
      each.kind === 'backup' ? { ...each, quiesce: 'none' as const } : each,
    );
    lab.push(build.desired(alone));
    await aDayLater();
    lab.host.drift({ drift: 'killContainer', name: 'photo-db' });
    lab.later(dayMs);
    const cycle = await lab.cycle({ dry: true });
    await lab.cycle();
    expect(await running()).toEqual(names);
    const [outcome] = await lab.beside(cycle);
    expect(outcome).toMatchObject({ result: 'skipped', error: stale });
  });
});
