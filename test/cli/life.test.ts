import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compose, type Lab, newLab, serviceFiles } from './lab.ts';
import { type Ended, expectRefusal, steward } from './steward.ts';

/** A lab that was applied once; what a test changes it puts back, or it makes a lab of its own. */
let lab: Lab;
let first: { plan: Ended; reconcile: Ended };

beforeAll(async () => {
  lab = await newLab();
  const plan = await steward(['plan', ...lab.flags]);
  first = { plan, reconcile: await steward(['reconcile', '--once', ...lab.flags]) };
});
afterAll(() => lab.remove());

describe('a lab that is applied for the first time', () => {
  it('plan exits 2 and changes nothing', () => {
    expect(first.plan).toMatchObject({ code: 2, stderr: '' });
    expect(first.plan.stdout).toMatch(/\+ compose-stack {3}blog +1 container\n/);
  });

  it('reconcile --once exits 0, after the same plan', () => {
    expect(first.reconcile).toMatchObject({ code: 0, stderr: '' });
    const table = (text: string) => text.split('\n').filter((line) => line.startsWith('+ '));
    expect(table(first.reconcile.stdout)).toEqual(table(first.plan.stdout));
    expect(first.reconcile.stdout).toMatch(/\n\d+ applied · no downtime\n$/);
  });

  it('has nothing to do the second time: plan and status exit 0', async () => {
    const [plan, status] = await Promise.all([
      steward(['plan', ...lab.flags]),
      steward(['status', ...lab.kept]),
    ]);
    expect(plan).toMatchObject({ code: 0, stderr: '' });
    expect(plan.stdout).toContain('Nothing to do: ');
    expect(status).toMatchObject({ code: 0, stderr: '' });
    expect(status.stdout).toContain('2 services: 2 in-sync');
  });
});

describe('JSON', () => {
  it.each<[string, string[], RegExp]>([
    ['plan', ['plan'], /"inSync"/],
    ['status', ['status'], /"lastCycle"/],
    ['why', ['why', 'compose-stack:blog'], /"reasons"/],
    ['reconcile', ['reconcile', '--once'], /"outcomes"/],
  ])('of %s is all that stands on standard output', async (name, args, words) => {
    const flags = ['status', 'why'].includes(name) ? lab.kept : lab.flags;
    const { stdout, stderr, code } = await steward([...args, ...flags, '--output', 'json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.stringify(JSON.parse(stdout))).toMatch(words);
  });
});

describe('records', () => {
  it('of a cycle that found nothing new take the place of the one before, however often it looks', async () => {
    const rows = () => {
      using db = new DatabaseSync(join(lab.stateDir, 'state.db'), { readOnly: true });
      return (db.prepare('SELECT count(*) AS n FROM cycles').get() as { n: number }).n;
    };
    await steward(['reconcile', '--once', ...lab.flags]);
    const before = rows();
    await steward(['reconcile', '--once', ...lab.flags]);
    expect(rows()).toBe(before);
  });

  it('why tells what was done to one resource, by id or by name', async () => {
    const { stdout, code } = await steward(['why', 'wiki', ...lab.kept]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^compose-stack:wiki\n\n.* create {2}applied/);
  });

  it.each([
    ['why', 'wikki', 'did you mean wiki'],
    ['why', 'compose-stack:blogg', 'did you mean compose-stack:blog'],
    ['why', 'nosuch', /nothing was ever done to nosuch$/m],
    ['forget', 'foo', /Steward knows no foo$/m],
    ['retry', 'wikki', 'known: blog, wiki'],
    ['forget', 'services/blog', /did you mean .*zfs-dataset:datapool\/services\/blog\?/],
    ['forget', 'docker-network:blog_nte', 'did you mean docker-network:blog_net?'],
    ['approve', 'xyz', 'expected 7 to 40 characters'],
    ['approve', 'abcdef1', 'is not what is to be reconciled'],
  ])('%s %s is refused', async (command, id, words) => {
    const flags = command === 'approve' ? lab.flags : lab.kept;
    expectRefusal(await steward([command, id, ...flags]), words);
  });

  it('retry and forget say what they did, and the next cycle is quiet again', async () => {
    const retry = await steward(['retry', 'wiki', ...lab.kept]);
    expect(retry).toMatchObject({ code: 0, stdout: 'wiki is tried again at the next cycle.\n' });
    const forget = await steward(['forget', 'zfs-dataset:datapool/services/wiki', ...lab.kept]);
    expect(forget).toMatchObject({ code: 0 });
    expect(forget.stdout).toContain('Nothing on the host was touched');
    expect(await steward(['reconcile', '--once', ...lab.flags])).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('a commit', () => {
  it('that does not validate changes nothing, and every problem is told at its place', async () => {
    await using own = await applied();
    await own.lab.commit('Oops', {
      'lab.yaml':
        'version: 1\nname: homelab\nstorag: { parent: datapool/services, mountpoint: /datapool/services }\n',
      'services/blog/docker-compose.yml': compose('blog', 'blog:2').replace('restart:', 'restrat:'),
    });
    const cycle = await steward(['reconcile', '--once', ...own.lab.flags]);
    expect(cycle.code).toBe(1);
    expect(cycle.stdout).toMatch(/^lab\.yaml:3:1: error: .*storag/m);
    expect(cycle.stdout).toMatch(/^services\/blog\/docker-compose\.yml:\d+:\d+: error: .*restrat/m);
    expect(cycle.stdout).toMatch(/Nothing was changed: \w{7} "Oops" is not valid\.\n$/);
    const [plan, status, why] = await Promise.all([
      steward(['plan', ...own.lab.flags, '--output', 'json']),
      steward(['status', ...own.lab.kept]),
      steward(['why', 'blog', ...own.lab.kept, '--output', 'json']),
    ]);
    expect(plan.code).toBe(1);
    expect(JSON.parse(plan.stdout)).toMatchObject({ result: 'bad-commit', changes: [] });
    expect(JSON.parse(plan.stdout).problems.length).toBeGreaterThanOrEqual(2);
    expect(status.code).toBe(1);
    expect(status.stdout).toContain('lab.yaml:3');
    expect(JSON.parse(why.stdout)).toHaveLength(1);
  });

  it('that removes every service is held until it is approved by name', async () => {
    await using own = await applied();
    const id = await own.lab.commit('Empty', { services: null });
    const held = await steward(['reconcile', '--once', ...own.lab.flags]);
    expect(held.code).toBe(1);
    expect(held.stdout).toContain(`steward approve ${id.slice(0, 12)}`);
    expect(await steward(['plan', ...own.lab.flags])).toMatchObject({ code: 2 });
    const approved = await steward(['approve', id.slice(0, 7), ...own.lab.flags]);
    expect(approved).toMatchObject({ code: 0, stderr: '' });
    const cycle = await steward(['reconcile', '--once', ...own.lab.flags]);
    expect(cycle.stdout).toContain('orphaned');
    expect(cycle.code).toBe(0);
  });

  it('that changes nothing of a container is the one that its service is at, and that was tried', async () => {
    await using own = await applied();
    const file = 'services/blog/docker-compose.yml';
    const id = await own.lab.commit('Comment', { [file]: `# Mine.\n${compose('blog', 'blog:1')}` });
    const cycle = await steward(['reconcile', '--once', ...own.lab.flags]);
    expect(cycle.stdout).toContain('Nothing to do');
    const { stdout } = await steward(['status', '--output', 'json', ...own.lab.kept]);
    const at = { name: 'blog', state: 'in-sync', appliedCommit: id, attemptedCommit: id };
    expect(JSON.parse(stdout).services).toContainEqual(expect.objectContaining(at));
  });

  it('that adds a service and changes a mounted file does these two things only, and says which file', async () => {
    await using own = await applied();
    await own.lab.commit('Greet', { 'services/blog/site.conf': 'greeting = hi\n', ...serviceFiles('chat') });
    const { stdout, code } = await steward(['reconcile', '--once', ...own.lab.flags]);
    expect(code).toBe(0);
    expect(stdout).toContain('services/blog/site.conf changed');
    expect(stdout).toMatch(/4 to create, 1 to update · down: blog about/);
    expect(stdout.match(/^✓ \S+ +\S+ +\w+/gm)?.map((line) => line.replace(/ +/g, ' '))).toEqual([
      '✓ zfs-dataset datapool/services/chat created',
      '✓ directory …/chat/data created',
      '✓ docker-network chat_net created',
      '✓ compose-stack blog updated',
      '✓ compose-stack chat created',
    ]);
  });
});

async function applied(): Promise<{ lab: Lab } & AsyncDisposable> {
  const own = await newLab();
  const { code, stderr } = await steward(['reconcile', '--once', ...own.flags]);
  if (code !== 0) {
    own.remove();
    throw new Error(stderr);
  }
  return { lab: own, [Symbol.asyncDispose]: async () => own.remove() };
}
