import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inScope } from '../scope.ts';
import { touched } from './support/containers.ts';
import { type Homelab, startHomelab } from './support/homelab.ts';
import { composeFile, type Files, idle, labYaml } from './support/lab-files.ts';

/** No container_name: were one made twice, nothing would keep the second one out. */
function nameless(name: string): Files {
  const more = `    volumes: ["/datapool/services/${name}/data:/data"]\n`;
  const service = idle('app', { network: `${name}_net`, more }).replace(/ {4}container_name: .*\n/, '');
  return { [`services/${name}/docker-compose.yml`]: composeFile([service], `${name}_net`) };
}

const journal = 'sqlite3 -readonly /var/lib/steward/state.db "select change_id from journal" 2> /dev/null';

/** A command that succeeds in the instant that is meant, and the kind of the change that is then under way. */
const moments = inScope(
  [
    { moment: 'a dataset is announced', name: 'dataset', when: `${journal} | grep -q zfs-dataset:` },
    { moment: 'a stack is announced', name: 'stack', when: `${journal} | grep -q compose-stack:` },
    {
      moment: 'a container exists',
      name: 'container',
      when: 'docker ps -aq --filter label=com.docker.compose.project=container | grep -q .',
    },
  ],
  ({ name }) => name === 'stack',
);

/** Starts Steward, looks ten times a second, so that the looking does not take its processor, waits for the moment, and prints its exit code after `kill`: 137 where that came in time. */
function killedAt(when: string): string {
  return `steward reconcile --once > /tmp/killed.log 2>&1 & pid=$!
    while kill -0 $pid 2> /dev/null && ! { ${when}; }; do sleep 0.1; done
    kill -9 $pid 2> /dev/null
    wait $pid; echo $?`;
}

describe('Steward', () => {
  let lab: Homelab;

  beforeAll(async () => {
    lab = await startHomelab();
    await lab.push({ 'lab.yaml': labYaml, ...nameless('first') });
    await lab.converge();
  });

  afterAll(() => lab?.[Symbol.asyncDispose]());

  async function expectWhole(services: string[]): Promise<void> {
    const containers = await lab.containers();
    const running = Object.entries(containers).map(([name, { status }]) => `${name} ${status}`);
    expect(running).toEqual(services.map((name) => `${name}-app-1 running`).sort());
    const networks = await lab.run("docker network ls --filter name=_net --format '{{.Name}}'");
    expect(networks.split('\n').sort()).toEqual(services.map((name) => `${name}_net`).sort());
  }

  describe.each(moments)('killed with SIGKILL when $moment', ({ name, when }) => {
    test('says that it was interrupted, converges at the next run, and makes nothing twice', async () => {
      const commit = await lab.push(nameless(name));
      const before = await lab.containers();
      expect(await lab.run(killedAt(when))).toBe('137');
      const left = await lab.run(`${journal} | sort -u`);
      expect(left).not.toBe('');
      await lab.converge();
      const [id = ''] = left.split('\n');
      expect(await lab.why(id)).toContainEqual(
        expect.objectContaining({ id, commit, result: 'interrupted' }),
      );
      expect(await lab.run(journal)).toBe('');
      const names = moments.map((each) => each.name);
      expect(touched(before, await lab.containers())).toEqual([`${name}-app-1`]);
      await expectWhole(['first', ...names.slice(0, names.indexOf(name) + 1)]);
    });
  });

  test('converges after a power cut in the middle of an apply', async () => {
    await lab.push({ ...nameless('cut-one'), ...nameless('cut-two') });
    const moment = 'docker ps -aq --filter label=com.docker.compose.project=cut-one | grep -q .';
    await lab.run(
      `steward reconcile --once > /tmp/cut.log 2>&1 & pid=$!; while kill -0 $pid && ! { ${moment}; }; do sleep 0.1; done`,
    );
    await lab.vm.powerCut();
    // SSH answers before Docker has started its containers again; Steward would call it unknown, rightly.
    await lab.run('systemctl is-system-running --wait; docker info > /dev/null');
    const cycle = await lab.converge();
    expect(cycle.changes.length).toBeGreaterThan(0);
    const names = moments.map((each) => each.name);
    await expectWhole(['first', ...names, 'cut-one', 'cut-two']);
    expect((await lab.plan()).exitCode).toBe(0);
    expect((await lab.why('cut-one')).map(({ result }) => result)).toContain('interrupted');
  });
});
