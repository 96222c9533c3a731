import { afterEach, describe, expect, it } from 'vitest';
import { runCycle, type Source } from '../../reconciler/cycle.ts';
import { ToolError } from '../../tools/run.ts';
import * as build from '../support/build.ts';
import { type LabRun, labRun } from '../support/lab-run.ts';

let lab: LabRun | null = null;
afterEach(() => {
  lab?.end();
  lab = null;
});

function cycleWith(over: Partial<Source>) {
  lab = labRun(build.desired([build.stack('photo')]));
  return runCycle(lab.deps(over), { dry: false });
}

describe('a cycle', () => {
  it('with a tool that hangs while the commit is read is blocked, changes nothing and says which', async () => {
    const cycle = await cycleWith({
      load: async () => {
        throw new ToolError('docker', 'docker did not answer within 30 s', { retryable: true });
      },
    });
    expect(cycle).toMatchObject({
      result: 'blocked',
      plan: null,
      loadError: 'docker did not answer within 30 s',
    });
    expect(lab?.host.steps).toEqual([]);
  });

  it('with a bug in the loader does not call it a blocked one', async () => {
    const load = async () => {
      throw new TypeError('undefined is not a function');
    };
    await expect(cycleWith({ load })).rejects.toThrow('undefined is not a function');
  });

  it('whose remote does not answer goes on with the last commit', async () => {
    const error = 'git.lan: no route to host';
    const sync = async () => ({ commit: build.commit, error, fetched: false, refused: null });
    const cycle = await cycleWith({ sync });
    expect(cycle).toMatchObject({ result: 'changed', fetchError: 'git.lan: no route to host' });
    expect(cycle.outcomes.map(({ result }) => result)).toEqual(['applied']);
  });

  it('with a bad commit changes nothing', async () => {
    const problem = { severity: 'error' as const, file: 'lab.yaml', line: 1, column: 1, message: 'no' };
    const cycle = await cycleWith({ load: async () => ({ ok: false, problems: [problem] }) });
    expect(cycle).toMatchObject({ result: 'bad-commit', plan: null, problems: [problem] });
    expect(lab?.host.steps).toEqual([]);
  });
});
