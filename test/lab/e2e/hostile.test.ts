import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Homelab, startHomelab } from './support/homelab.ts';
import { composeFile, idle, labYaml, small } from './support/lab-files.ts';

/** Commits of somebody who means harm, or of somebody in a hurry. */
let lab: Homelab;

beforeAll(async () => {
  lab = await startHomelab();
  await lab.push({ 'lab.yaml': labYaml, ...small('one') });
  await lab.converge();
});

afterAll(() => lab?.[Symbol.asyncDispose]());

const evil = (more: string) => ({
  'services/evil/docker-compose.yml': composeFile(
    [idle('evil', { network: 'evil_net', more: `    user: "1000:1000"\n${more}` })],
    'evil_net',
  ),
});

/** What only a reach out of the walls would make. */
async function expectUnreached(): Promise<void> {
  expect((await lab.containers()).evil).toBeUndefined();
  expect(await lab.run('ls -d /tmp/reached /datapool/services/evil 2>/dev/null || true')).toBe('');
}

test('a container that mounts the whole server is held back, and its neighbour comes', async () => {
  await lab.push({ ...evil('    privileged: true\n    volumes: ["/:/host"]\n'), ...small('two') });
  const { exitCode, cycle } = await lab.reconcile();
  expect(exitCode).toBe(1);
  const held = cycle.blocked.filter(({ id }) => id === 'compose-stack:evil');
  expect(held.flatMap(({ reasons }) => reasons.map(({ note }) => note))).toEqual([
    'evil is privileged (privileged)',
    'evil mounts /, which is the whole server (outside-bind-mount)',
  ]);
  await expectUnreached();
  expect((await lab.containers()).two?.status).toBe('running');
  expect(await lab.run('steward status || true')).toMatch(/^evil +blocked .*evil is privileged/m);
});

test('other ways out are held back as well, and so is what no service of a lab needs', async () => {
  const more =
    '    pid: "container:one"\n    group_add: [docker]\n    annotations: { a: b }\n    runtime: crun\n';
  await lab.push(evil(`${more}    volumes: [".:/own"]\n`));
  const { exitCode, cycle } = await lab.reconcile();
  expect(exitCode).toBe(1);
  const held = cycle.blocked.filter(({ id }) => id === 'compose-stack:evil');
  expect(held.flatMap(({ reasons }) => reasons.map(({ note }) => note)).sort()).toEqual([
    'evil can write to services/evil, out of which root runs this service (outside-bind-mount)',
    'evil has annotations: they speak to what makes containers, as root (unjudged)',
    'evil has the processes of the container one (host-namespaces)',
    "evil is in the group docker, which is the server's own (capabilities)",
    'evil is run by crun (runtime-settings)',
  ]);
  await expectUnreached();
});

test('what it may do with a reason, it does, and the reason is shown', async () => {
  await lab.push({
    ...evil('    cap_add: [NET_ADMIN]\n    volumes: ["/datapool/services/evil/data:/data"]\n'),
    'services/evil/service.yaml': 'policy: { allow: [{ rule: capabilities, reason: "a tunnel" }] }\n',
  });
  await lab.converge();
  expect((await lab.containers()).evil?.status).toBe('running');
  expect(await lab.run('steward status')).toContain('allowed: evil breaks capabilities: a tunnel');
});

test('what breaks a rule later runs on as it was', async () => {
  const before = (await lab.containers()).evil?.id;
  await lab.push(evil('    cap_add: [NET_ADMIN]\n    pid: host\n'));
  expect((await lab.reconcile()).exitCode).toBe(1);
  expect((await lab.containers()).evil).toMatchObject({ id: before, status: 'running' });
});

test('it goes when Git says so, whatever it breaks', async () => {
  await lab.push({ 'services/evil': null });
  await lab.converge();
  expect((await lab.containers()).evil).toBeUndefined();
  await lab.run('zfs destroy -r datapool/services/evil');
});

const commits: [what: string, make: string, words: RegExp][] = [
  [
    'a link out of the tree',
    'ln -s /etc/shadow services/one/.env',
    /services\/one\/\.env:1:1: error: the symbolic link leaves the repository/,
  ],
  [
    'a file of the server as variables',
    `printf 'services: { evil: { image: "lab/busybox:1", env_file: /etc/shadow } }\n' > services/evil/compose.yml`,
    /env_file \/etc\/shadow is outside of the repository/,
  ],
  [
    'a bomb of aliases',
    `{ echo 'a0: &a0 [lol]'; for i in 1 2 3 4 5 6 7 8 9; do j=$((i-1)); echo "a$i: &a$i [*a$j,*a$j,*a$j,*a$j,*a$j,*a$j,*a$j,*a$j,*a$j]"; done; cat lab.yaml; } > bomb && mv bomb lab.yaml`,
    /repeat so much/,
  ],
  [
    'shell in a name',
    `printf 'services: { evil: { image: "lab/busybox:1", container_name: "$$(touch /tmp/reached)" } }\n' > services/evil/compose.yml`,
    /Docker takes no container of the name/,
  ],
  [
    'a path that climbs',
    `cp services/one/docker-compose.yml services/evil/; printf 'directories: [{ path: ../../../../etc, owner: "0" }]\n' > services/evil/service.yaml`,
    /services\/evil\/service\.yaml:1/,
  ],
];

test.each(commits)('%s is refused, and all stays as it was', async (_what, make, words) => {
  const before = await lab.containers();
  await lab.run(
    `cd /root/config && mkdir -p services/evil && ${make} && git add -A && git commit -qm evil && git push -q origin main`,
  );
  const { exitCode, stdout, stderr } = await lab.steward('reconcile --once');
  await lab.run('cd /root/config && git revert --no-edit HEAD > /dev/null && git push -q origin main');
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(words);
  expect(`${stdout}${stderr}`).not.toMatch(/root:[$*!x]/);
  expect(await lab.containers()).toEqual(before);
  await expectUnreached();
});
