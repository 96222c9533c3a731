import { describe, expect, it } from 'vitest';
import { all, asked, byHand, faultAt, lab, running } from './writers-lab.ts';

describe('by the time a backup is alone', () => {
  const stale = 'other containers run than those that were to be held still, so nothing was stopped';

  it.each<[string, () => unknown]>([
    ['somebody has started another writer', () => byHand()],
    ['somebody has started one as docker run --rm', () => byHand({ autoRemove: true })],
    [
      'one of its own was replaced',
      () => lab.host.state.containers.set('new', { ...called('photo-db'), id: 'new', name: 'photo-db-2' }),
    ],
    [
      'the one of the other service has stopped',
      () => lab.host.drift({ drift: 'killContainer', name: 'media-films' }),
    ],
  ])('where %s, nothing is stopped for it', async (_what, happens) => {
    const cycle = await lab.cycle({ dry: true, asked: asked('photo') });
    happens();
    const before = lab.host.steps.length;
    const outcomes = await lab.beside(cycle);
    expect(outcomes.at(-1)).toMatchObject({ result: 'skipped', error: stale });
    expect(new Set(lab.host.steps.slice(before).map(({ op }) => op))).toEqual(new Set(['borg-init']));
    const again = await lab.beside(await lab.cycle({ dry: true, asked: asked('photo') }));
    expect(again.at(-1)).toMatchObject({ result: 'applied' });
  });

  it('the look comes after the lock', async () => {
    const events: string[] = [];
    const cycle = await lab.cycle({ dry: true, asked: asked('photo') });
    const { observer } = lab.host;
    await lab.beside(cycle, {
      holdCycles: async () => {
        events.push('held');
        return { release: () => events.push('released') };
      },
      look: async () => {
        events.push('looked');
        return observer.observeContainers();
      },
    });
    expect(events).toEqual(['held', 'looked', 'released']);
  });

  it('where Docker does not answer, nothing is stopped either', async () => {
    const cycle = await lab.cycle({ dry: true, asked: asked('photo') });
    const outcomes = await lab.beside(cycle, {
      look: async () => ({ known: false, error: 'Docker is down' }),
    });
    expect(outcomes.at(-1)).toMatchObject({ result: 'skipped', error: 'Docker is down' });
  });

  function called(name: string) {
    const found = [...lab.host.state.containers.values()].find((each) => each.name === name);
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  }
});

describe('side by side', () => {
  /** What holds a cycle back, in one process; says when a container is touched without it. */
  function oneAtATime() {
    let held = false;
    const waiting: (() => void)[] = [];
    const touched: string[] = [];
    const { executor } = lab.host;
    return {
      touched,
      holdCycles: async () => {
        while (held) await new Promise<void>((resolve) => waiting.push(resolve));
        held = true;
        return {
          release() {
            held = false;
            for (const resolve of waiting.splice(0)) resolve();
          },
        };
      },
      executor: {
        async execute(...[step, options]: Parameters<typeof executor.execute>) {
          if (step.op.startsWith('containers-'))
            touched.push(`${step.op} ${held ? 'alone' : 'beside others'}`);
          return executor.execute(step, options);
        },
      },
    };
  }

  it('two backups that want the same container still have it one after the other', async () => {
    const lock = oneAtATime();
    const cycles = [
      await lab.cycle({ dry: true, asked: asked('photo') }),
      await lab.cycle({ dry: true, asked: asked('media') }),
    ];
    const outcomes = await Promise.all(cycles.map((cycle) => lab.beside(cycle, lock)));
    expect(outcomes.flat().every(({ result }) => result === 'applied')).toBe(true);
    expect(lock.touched).toEqual([
      ...['containers-stop alone', 'containers-start alone'],
      ...['containers-stop alone', 'containers-start alone'],
    ]);
    expect(await running()).toEqual(all);
    expect(lab.host.containerCounts()['media-films']).toMatchObject({ starts: 3 });
  });

  it('what did not come up is started again only when nobody holds anything still', async () => {
    const lock = oneAtATime();
    faultAt('containers-start', 'nothing', 'fail');
    const cycle = await lab.cycle({ dry: true, asked: asked('photo') });
    await lab.beside(cycle, lock);
    expect(lock.touched).toEqual([
      'containers-stop alone',
      'containers-start alone',
      'containers-start alone',
    ]);
    expect(await running()).toEqual(all);
  });

  it('and where nobody gives way it is started all the same', async () => {
    const lock = oneAtATime();
    faultAt('containers-start', 'nothing', 'fail');
    const cycle = await lab.cycle({ dry: true, asked: asked('photo') });
    let times = 0;
    await lab.beside(cycle, {
      ...lock,
      holdCycles: async () => {
        times += 1;
        if (times > 1) throw new Error('busy');
        return lock.holdCycles();
      },
    });
    expect(times).toBe(2);
    expect(await running()).toEqual(all);
  });
});
