import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { metricOfRoute, routeStatus } from '../../cli/route-status.ts';
import type { ProbeAnswer } from '../../observers/types.ts';
import { recordProbes } from '../../reconciler/state/probes.ts';
import { openStore, type Store } from '../../reconciler/state/store.ts';

let home: string;
let store: Store;
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'probes-'));
  store = openStore(home);
});
afterEach(() => {
  store.close();
  rmSync(home, { recursive: true });
});

const hour = 3_600_000;
const targets = [{ host: 'photo.lan', path: '/', tls: 'internal' as const }];
const good = { status: 200, latencyMs: 1, certificateBeginsMs: 0, certificateEndsMs: 12 * hour, error: null };
const bad = { status: null, latencyMs: null, certificateEndsMs: null, error: 'its certificate has expired' };

it.each([
  [7, false],
  [9, false],
  [11, true],
])('after %i of twelve hours a certificate ends soon: %s', (hours, soon) => {
  recordProbes(store, 'photo', targets, [good], hours * hour);
  expect(routeStatus(store)).toMatchObject([{ certificateEndsSoon: soon }]);
});

it('the end of one that has expired stays known for as long as nobody shows another', () => {
  recordProbes(store, 'photo', targets, [good], 11 * hour);
  recordProbes(store, 'photo', targets, [bad], 13 * hour);
  const expired = { certificateEndsAt: 12 * hour, certificateEndsSoon: true, error: bad.error };
  expect(routeStatus(store)).toMatchObject([expired]);
  recordProbes(store, 'photo', targets, [{ ...good, certificateEndsMs: 30 * hour }], 14 * hour);
  expect(routeStatus(store)).toMatchObject([{ certificateEndsAt: 30 * hour, certificateEndsSoon: false }]);
});

it('what is not proven is told as such, and neither up nor down, until it is', () => {
  const asked = { ...good, status: 401, unproven: 'the hub asks for a password' };
  const told = (answer: ProbeAnswer) => {
    recordProbes(store, 'photo', targets, [answer], hour);
    const [route] = routeStatus(store);
    if (route === undefined) throw new Error('nothing is told');
    return [route.unproven ?? null, metricOfRoute(route).answers];
  };
  expect(told(asked)).toEqual(['the hub asks for a password', null]);
  expect(told(good)).toEqual([null, true]);
  expect(told(asked)).toEqual(['the hub asks for a password', null]);
  expect(told(bad)).toEqual([null, false]);
});
