/** Nights in which something is wrong with the backup of one service, and what must be so meanwhile and afterwards. */
import { expect } from 'vitest';
import { archivesOf, history, later, leftBehind, nextTick } from './backup-lab.ts';
import type { Homelab } from './homelab.ts';

export interface FaultyNights {
  /** The next tick comes. */
  due(): Promise<void>;
  /** When its container was started, as Docker has it. */
  startedAt(): Promise<string | undefined>;
  /** The service runs, nothing is left, and whoever asks is told. */
  expectTold(sentence: RegExp): Promise<void>;
  /** As soon as it is tried again the tick has its archive, and every one from before is still there. */
  expectMadeUpFor(): Promise<void>;
}

/** Of a service that is backed up every night (`nightly`), once a first archive of it was made. */
export async function faultyNights(lab: Homelab, service: string): Promise<FaultyNights> {
  let tick = await nextTick(lab);
  let known = [`${service}-${tick}`];
  await lab.converge();
  return {
    async due() {
      tick = await nextTick(lab);
    },
    startedAt: async () => (await lab.containers())[service]?.startedAt,
    expectTold: (sentence) => expectTold(lab, service, sentence),
    async expectMadeUpFor() {
      known = [...known, `${service}-${tick}`];
      await later(lab);
      await lab.converge();
      expect(await archivesOf(lab, service)).toEqual(known);
      expect((await history(lab, service)).at(-1)).toMatchObject({ result: 'done', archive: known.at(-1) });
      const { exitCode, stdout } = await lab.steward('status');
      expect(stdout).not.toContain('ssh:');
      expect(exitCode).toBe(0);
    },
  };
}

async function expectTold(lab: Homelab, service: string, sentence: RegExp): Promise<void> {
  expect((await lab.containers())[service]?.status).toBe('running');
  expect(await leftBehind(lab)).toEqual({ snapshots: [], mounts: '0', processes: '0', undo: '0' });
  expect((await lab.steward('status')).stdout).toMatch(sentence);
  expect((await history(lab, service)).at(-1)).toMatchObject({
    result: 'failed',
    error: expect.stringMatching(sentence),
    archive: null,
  });
  // It waits for its next attempt, or is due for it.
  const { plan } = await lab.plan();
  expect([...plan.changes, ...plan.blocked].map(({ id }) => id)).toContain(`backup:${service}`);
}
