import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, newLab } from './lab.ts';
import { type TracedHost, tracedHost } from './traced-host.ts';
import { backedUp } from './traced-tools.ts';

/** What backups by hand cost in child processes and in calls of Docker: these lists must not grow by themselves. */

let lab: Lab;
let host: TracedHost;

beforeAll(async () => {
  lab = await newLab([]);
  await lab.commit('Back up', backedUp(lab, ['blog', 'wiki']));
  host = await tracedHost(lab, ['blog', 'wiki']);
  // The first run makes the repositories, and hears from compose what is remembered from then on.
  await host.backup('blog', 'wiki');
  host.calls();
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  lab.remove();
});

/** To know what is to be done: side by side, each once. */
const planning = [
  'compose version',
  'docker GET /containers/json',
  'docker GET /images/json',
  'docker GET /info',
  'docker GET /networks',
  'git diff',
  'git ls-remote',
  'git rev-list',
  'zfs get all',
  'zpool list',
];

const downtime = (service: string) => [
  `docker POST /containers/${service}-web/stop`,
  `docker POST /containers/${service}-store/stop`,
  'zfs snapshot',
  `docker POST /containers/${service}-store/start`,
  `docker POST /containers/${service}-web/start`,
];

const upload = ['unshare', 'mount', 'borg create', 'zfs get', 'zfs destroy'];
const prune = ['borg delete', 'borg compact'];

/** The calls up to the first container that stops, in no order, and those from there on. */
function parted(calls: string[]): { before: string[]; after: string[] } {
  const first = calls.findIndex((call) => call.endsWith('/stop'));
  return { before: calls.slice(0, first).sort(), after: calls.slice(first) };
}

describe('a backup of what has not changed', () => {
  it('plans once, looks once more before it stops anything, and calls borg once for each thing to do', async () => {
    expect(await host.backup('blog')).toBe(0);
    const { before, after } = parted(host.calls());
    const look = ['docker GET /containers/json'];
    const grace = ['docker GET /containers/blog-store/json', 'docker GET /containers/blog-web/json'];
    expect(before).toEqual([...planning, ...look, ...grace].sort());
    expect(after).toEqual([...downtime('blog'), ...upload, ...prune]);
  });

  it('of a second service in the same run is not planned for again', async () => {
    expect(await host.backup('blog', 'wiki')).toBe(0);
    const calls = host.calls();
    const first = calls.indexOf('docker POST /containers/blog-web/stop');
    const { before, after } = parted(calls.slice(first + 2));
    const ofFirst = [...downtime('blog').slice(2), ...upload, ...prune];
    const look = ['docker GET /containers/json'];
    const grace = ['docker GET /containers/wiki-store/json', 'docker GET /containers/wiki-web/json'];
    expect(before).toEqual([...ofFirst, ...look, ...grace].sort());
    expect(after).toEqual([...downtime('wiki'), ...upload, ...prune]);
  });

  it('is planned again where other containers run by the time of its turn', async () => {
    host.onCall = (call) => {
      if (call === 'docker POST /containers/blog-web/start') host.replaced.add('wiki');
    };
    expect(await host.backup('blog', 'wiki')).toBe(0);
    const calls = host.calls();
    expect(calls.filter((call) => call === 'zfs get all')).toHaveLength(2);
    expect(calls.filter((call) => /wiki-web.*stop/.test(call))).toEqual([
      'docker POST /containers/wiki-web-new/stop',
    ]);
  });

  it('of nobody is refused before the host is looked at', async () => {
    await expect(host.backup('blok')).rejects.toThrow('there is no backup of blok; did you mean blog?');
    expect(host.calls().sort()).toEqual(['compose version', 'git diff', 'git ls-remote', 'git rev-list']);
  });
});

it('a check of two repositories looks at no containers but for its plan', async () => {
  expect(await host.check('blog', 'wiki')).toBe(0);
  expect(host.calls().sort()).toEqual([...planning, 'borg check', 'borg check'].sort());
});
