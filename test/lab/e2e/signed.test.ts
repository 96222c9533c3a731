import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Homelab, startHomelab } from './support/homelab.ts';
import { labYaml, small } from './support/lab-files.ts';

/** Commits of somebody whose key the server knows, and of somebody else. */
let lab: Homelab;

const signers = '/etc/steward/allowed_signers';

beforeAll(async () => {
  lab = await startHomelab();
  await lab.run("ssh-keygen -q -t ed25519 -N '' -f /root/ada && ssh-keygen -q -t ed25519 -N '' -f /root/eve");
  await lab.run(`echo "ada@lab $(cat /root/ada.pub)" > ${signers} && chmod 644 ${signers}`);
  await lab.run(`echo 'verify: { allowedSigners: ${signers} }' >> /etc/steward/steward.yaml`);
  await lab.run('cd /root/config && git config gpg.format ssh && git config commit.gpgSign true');
});

afterAll(() => lab?.[Symbol.asyncDispose]());

const signAs = (name: string) => lab.run(`git -C /root/config config user.signingKey /root/${name}`);

test('what Ada has signed is applied', async () => {
  await signAs('ada');
  await lab.push({ 'lab.yaml': labYaml, ...small('one') });
  await lab.converge();
});

test('what Eve has signed is not, and the last good commit is kept up meanwhile', async () => {
  await signAs('eve');
  await lab.push(small('two'));
  await lab.run('docker rm -f one');
  const { exitCode, cycle } = await lab.reconcile();
  expect(exitCode).toBe(1);
  expect(cycle.fetchError).toMatch(
    /is not applied: it is signed by the key SHA256:\S+, which is not an allowed signer/,
  );
  const containers = await lab.containers();
  expect([containers.one?.status, containers.two]).toEqual(['running', undefined]);
  expect(await lab.run('steward status || true')).toContain('\nrefused     commit ');
});

test('the next one of Ada brings all that is below it', async () => {
  await signAs('ada');
  await lab.push({ 'services/one/note.txt': 'seen\n' });
  await lab.converge();
  expect((await lab.containers()).two?.status).toBe('running');
});
