import { afterAll, beforeAll, expect, test } from 'vitest';
import { touched } from './support/containers.ts';
import { type Homelab, startHomelab } from './support/homelab.ts';
import { composeFile, idle, labYaml, small } from './support/lab-files.ts';

/** A secret in the repository, from the person's editor to the container and to nowhere else. */
let lab: Homelab;

const key = '/etc/steward/age.key';
const [first, second, third] = ['canary-rose-4711', 'canary-$iris "4712\'', 'canary-lily-4713'];

const [pin, newPin] = ['canary-tulip-4714', 'canary-tulip-4715'];

/** One container has its secret in its environment, one as a file. */
const vault = {
  'services/vault/docker-compose.yml': `${composeFile(
    [
      idle('vault-store', { network: 'vault_net', more: '    environment: { TOKEN: "${TOKEN}" }\n' }),
      idle('vault-door', { network: 'vault_net', more: '    secrets: [pin]\n' }),
      idle('vault-web', { network: 'vault_net' }),
    ],
    'vault_net',
  )}secrets: { pin: { environment: PIN } }\n`,
};

/** As a person does it in the checkout, with an editor that writes two lines. */
async function edit(token: string, door = newPin): Promise<void> {
  const quoted = token.includes("'") ? JSON.stringify(token).replaceAll('$', '\\$') : `'${token}'`;
  await lab.vm.writeFile('/root/lines', `TOKEN=${quoted}\nPIN=${door}\n`);
  await lab.vm.writeFile('/root/editor', '#!/bin/sh\ncat /root/lines > "$1"\n', '700');
  await lab.run(`cd /root/config && EDITOR=/root/editor steward secrets edit vault --identity ${key}`);
  await lab.run('rm /root/lines');
}

const inside = () => lab.run(`docker exec vault-store sh -c 'printf "%s" "$TOKEN"'`);
const atTheDoor = () => lab.run('docker exec vault-door cat /run/secrets/pin');

/** Files that hold a value in the open, of all that Steward, Git and systemd write. */
async function leaks(): Promise<string> {
  const places =
    '/var/lib/steward /run/steward /run/log /var/log /root/config /srv /etc/steward /tmp /var/tmp /dev/shm';
  return (
    await lab.run(`grep -rlaE 'canary-(rose|.?iris|lily|tulip)' ${places} 2> /dev/null || true`)
  ).trim();
}

beforeAll(async () => {
  lab = await startHomelab();
  const recipient = /age1[a-z0-9]+/.exec((await lab.steward('secrets keygen')).stdout)?.[0] ?? '';
  await lab.push({
    'lab.yaml': `${labYaml}secrets: { recipients: [${recipient}] }\n`,
    ...vault,
    ...small('one'),
  });
  await edit(first, pin);
  await lab.push({});
});

afterAll(() => lab?.[Symbol.asyncDispose]());

test('reaches the container that names it, and no file', async () => {
  const { exitCode, stdout, stderr } = await lab.steward('reconcile --once');
  expect(`${stdout}${stderr}`).not.toContain(first);
  expect(exitCode).toBe(0);
  expect([await inside(), await atTheDoor()]).toEqual([first, pin]);
  expect(await lab.run('ls -A /run/steward/env 2> /dev/null || true')).toBe('');
  expect(await leaks()).toBe('');
});

test('changed, it makes exactly that container anew, and the plan names it without its value', async () => {
  const before = await lab.containers();
  await edit(second, pin);
  await lab.push({});
  const { stdout } = await lab.steward('plan');
  expect(stdout).toMatch(/TOKEN.*services\/vault\/\.env\.age/s);
  expect(stdout).not.toMatch(/canary|471[12]/);
  await lab.converge();
  expect(await inside()).toBe(second);
  expect(touched(before, await lab.containers())).toEqual(['vault-store']);
  expect((await lab.converge()).outcomes ?? []).toEqual([]);
});

test('changed where compose hands it over as a file, it makes exactly that container anew', async () => {
  const before = await lab.containers();
  await edit(second);
  await lab.push({});
  const { stdout } = await lab.steward('plan');
  expect(stdout).toMatch(/vault-door +secrets\.pin +changed; value not shown +services\/vault\/\.env\.age/);
  expect(stdout).not.toMatch(/canary|471[1-5]/);
  await lab.converge();
  expect(await atTheDoor()).toBe(newPin);
  expect(touched(before, await lab.containers())).toEqual(['vault-door']);
  expect((await lab.converge()).outcomes ?? []).toEqual([]);
});

test('without the key its stack waits, in words, and everything else goes on', async () => {
  await edit(third);
  await lab.run(`mv ${key} /root/away`);
  await lab.push(small('two'));
  const before = await lab.containers();
  const { cycle } = await lab.reconcile();
  const [blocked] = cycle.blocked;
  expect([cycle.blocked.length, blocked?.id]).toEqual([1, 'compose-stack:vault']);
  expect(JSON.stringify(blocked?.reasons)).toMatch(/the identity \/etc\/steward\/age\.key does not exist/);
  const after = await lab.containers();
  expect(after.two?.status).toBe('running');
  expect(touched(before, after)).toEqual(['two']);
  expect(await inside()).toBe(second);
});

test('a Steward that is killed while compose has it leaves it in memory alone, and the next one clears it away', async () => {
  await lab.run(`mv /root/away ${key}`);
  const seen = await lab.run(
    [
      'steward reconcile --once > /dev/null 2>&1 & pid=$!',
      'until found=$(find /run/steward/env -type f 2> /dev/null | head -1) && test -n "$found"; do kill -0 $pid || exit 1; done',
      'kill -9 $pid',
      'stat -f -c %T /run/steward; stat -c "%a %U" "$found" "$(dirname "$found")"',
    ].join('\n'),
  );
  expect(seen).toBe('tmpfs\n600 root\n700 root');
  await lab.converge();
  expect(await inside()).toBe(third);
  expect(await lab.run('find /run/steward/env -type f 2> /dev/null || true')).toBe('');
  expect(await leaks()).toBe('');
});
