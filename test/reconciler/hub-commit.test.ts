import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DesiredHub, DesiredState, Problem } from '../../desired-state/types.ts';
import { type Cycle, runCycle } from '../../reconciler/cycle.ts';
import * as build from '../support/build.ts';
import { type LabRun, labRun } from '../support/lab-run.ts';

/** The simulated Caddy refuses what names a site twice. */
const fine = 'hub.lan {\n\trespond 1\n}\nimport *.caddy\n';
const twice = `${fine}hub.lan {\n\trespond 2\n}\n`;
const origin = { file: 'services/hub/Caddyfile', line: 1, column: 1 };

const stack = build.stack('hub', {
  containers: [build.container('caddy', { containerName: 'hub', bindMounts: ['/run/hub'] })],
});
const own = build.route('hub/Caddyfile', { service: 'hub', snippet: null, origin, needs: [stack.id] });
const photo = build.route('photo', {
  snippet: 'photo.lan {\n\trespond 3\n}\n',
  hosts: ['photo.lan'],
  needs: [stack.id],
});

function stateWith(caddyfile: string, over: Partial<DesiredState> = {}): DesiredState {
  const names = { service: 'hub', container: 'hub', stack: stack.id, line: 'import *.caddy' };
  const hub: DesiredHub = { ...names, socket: '/run/hub/admin.sock', folder: '/routes', caddyfile };
  return build.desired([stack, own, photo], { hub, ...over });
}

let lab: LabRun;
let promoted: number;
beforeEach(() => {
  lab = labRun(stateWith(fine));
  promoted = 0;
});
afterEach(() => lab.end());

function cycle(): Promise<Cycle> {
  const promote = async () => {
    promoted += 1;
  };
  return runCycle(lab.deps({ promote }), { dry: false });
}

/** As after some days: the hub runs, and what it was told is known. */
async function settled(): Promise<void> {
  await cycle();
  expect((await cycle()).result).toBe('converged');
  promoted = 0;
}

const messages = ({ problems }: Cycle) =>
  problems.map(({ severity, file, line, message }: Problem) => `${severity} ${file}:${line} ${message}`);

describe('a commit whose Caddyfile the running hub refuses', () => {
  it('is a bad one: it is never in force, nothing is changed, and Caddy is quoted at its file', async () => {
    await settled();
    const steps = lab.host.steps.length;
    lab.push(stateWith(twice));
    const bad = await cycle();
    expect(bad).toMatchObject({ result: 'bad-commit', plan: null });
    expect(messages(bad)).toEqual([
      'error services/hub/Caddyfile:1 Caddy refuses it: ambiguous site definition',
    ]);
    expect([promoted, lab.host.steps.length]).toEqual([0, steps]);
  });

  it('because of a route that lies there already is one too: the hub would not come up', async () => {
    await settled();
    lab.push(stateWith(`${fine}photo.lan {\n}\n`, { resources: [stack, own] }));
    const bad = await cycle();
    expect(bad.result).toBe('bad-commit');
    expect(messages(bad)).toEqual([
      'error services/hub/Caddyfile:1 a hub that starts with it would not come up: photo.caddy: ambiguous site definition',
    ]);
    expect(promoted).toBe(0);
  });

  it('gives way to the next one', async () => {
    await settled();
    lab.push(stateWith(twice));
    await cycle();
    lab.push(stateWith(fine.replace('1', '2')));
    expect((await cycle()).outcomes.map(({ change, result }) => [change.id, result])).toEqual([
      [own.id, 'applied'],
    ]);
  });

  it('where it has taken this very text before is none: that is the hub, which is said, and not Git', async () => {
    await settled();
    const { observer } = lab.host;
    const deps = lab.deps({});
    const refusing: typeof observer = {
      ...observer,
      async observe(request) {
        const seen = await observer.observe(request);
        if (seen.hub?.known !== true) return seen;
        const refused = new Map([[own.name, 'unknown option']]);
        return {
          ...seen,
          hub: { known: true, value: { ...seen.hub.value, kept: null, atStart: 'x', refused } },
        };
      },
    };
    const { result, plan } = await runCycle({ ...deps, observer: refusing }, { dry: false });
    expect(result).toBe('blocked');
    expect(plan?.blocked.map(({ id, state }) => `${state} ${id}`)).toEqual([
      `refused ${own.id}`,
      `waiting ${photo.id}`,
    ]);
  });
});

describe('a Caddyfile that nobody can judge', () => {
  const unjudged =
    'warning services/hub/Caddyfile:1 no Caddy has judged it: Caddy is not running: there is no admin socket';

  it('as the hub is still to come is taken, and that is said', async () => {
    const first = await cycle();
    expect(promoted).toBe(1);
    expect(messages(first)).toEqual([unjudged]);
    expect(first.plan?.problems).toEqual(first.problems);
    expect(messages(await cycle())).toEqual([]);
  });

  it('that the hub has had before is not spoken of when it is down', async () => {
    await settled();
    lab.host.drift({ drift: 'killContainer', name: 'hub' });
    expect(messages(await cycle())).toEqual([]);
  });

  it('as the hub is down is taken, and not recorded as one that it has taken', async () => {
    await settled();
    lab.host.drift({ drift: 'killContainer', name: 'hub' });
    lab.push(stateWith(twice));
    expect(messages(await cycle())).toEqual([unjudged]);
    expect(messages(await cycle())).toEqual([
      'error services/hub/Caddyfile:1 Caddy refuses it: ambiguous site definition',
    ]);
  });
});

describe('a hub that can no longer be told about routes', () => {
  const hubLacks: Problem = { ...origin, severity: 'warning', message: 'no route is made: it takes none in' };
  const unwired = { ...stateWith(fine), resources: [stack], hub: null, hubLacks };

  it('makes a bad commit as long as it has routes: they would be nobody’s', async () => {
    await settled();
    lab.push(unwired);
    const bad = await cycle();
    expect(bad.result).toBe('bad-commit');
    expect(messages(bad)).toEqual([
      'error services/hub/Caddyfile:1 no route is made: it takes none in, and the hub has those of photo',
    ]);
    lab.push(stateWith(fine));
    expect((await cycle()).result).toBe('converged');
  });

  it('makes none where it has none', async () => {
    lab.push(stateWith(fine, { resources: [stack, own] }));
    await settled();
    lab.push(unwired);
    expect((await cycle()).result).not.toBe('bad-commit');
  });

  it('nor where lab.yaml names no hub any more', async () => {
    await settled();
    lab.push({ ...unwired, hubLacks: null });
    expect((await cycle()).result).toBe('converged');
  });
});
