import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startStewardLab } from '../install-steward.ts';
import type { LabVm } from '../vm.ts';

const passphraseFile = '/etc/steward/borg-passphrase';
const below = '/backup/borg/keys/datapool_services_photo';
const location = `ssh://borg@localhost${below}`;
const folder = '/mnt/keys';

const labYaml = (repository: string) => `version: 1
name: homelab
storage: { parent: datapool/services, mountpoint: /datapool/services }
backup:
  repository: ${repository}
  passphrase: { file: ${passphraseFile} }
`;
const compose = `services:
  photo:
    image: lab/busybox:1
    volumes: ["/datapool/services/photo/data:/data"]
`;

/** Borg 1.4 over SSH, as it is. The repository is there before Steward, as one that is adopted. */
describe('the key of a repository', { timeout: 10 * 60_000 }, () => {
  let vm: LabVm;
  const env = `BORG_BASE_DIR=/root/other BORG_EXIT_CODES=modern BORG_PASSCOMMAND='cat ${passphraseFile}'`;
  const run = async (command: string) => (await vm.exec(command)).stdout;
  const steward = (args: string) => vm.exec(args, { allowFailure: true, timeoutMs: 9 * 60_000 });
  const exported = () => run(`cd ${folder}; sha256sum *; stat -c '%a %n' . *`);

  beforeAll(async () => {
    vm = await startStewardLab();
    await vm.writeFile('/root/lab/lab.yaml', labYaml('ssh://borg@localhost/backup/borg/keys'));
    await vm.writeFile('/root/lab/services/photo/docker-compose.yml', compose);
    await vm.exec(`set -e
      install -d -m 700 /etc/steward; umask 077; echo 'correct horse' > ${passphraseFile}; umask 022
      cd /root/lab; git init -q -b main; git add -A; git commit -qm 'Back up'
      git clone -q /root/lab /root/near; cd /root/near; sed -i s,ssh://borg@localhost,, lab.yaml; git commit -qam near
      ${env} borg init --make-parent-dirs -e repokey-blake2 ${location} 2>&1
      cd /etc; ${env} borg create ${location}::one hostname`);
  });

  afterAll(() => vm?.shutdown());

  test('is written as a file and for paper, proven, and for root alone', async () => {
    const { exitCode, stdout } = await steward(`steward keys export photo --to ${folder} --repo /root/lab`);
    expect(stdout).toContain(`✓ photo  its key opens ${location}`);
    expect(exitCode).toBe(0);
    expect(await exported()).toMatch(
      /\n700 \.\n600 datapool_services_photo-[0-9a-f]{8}\.key\n600 datapool_services_photo-[0-9a-f]{8}\.paper\.txt$/,
    );
    expect(await run('ls -A /run/steward/keys')).toBe('');
  });

  test('that is damaged is found out, and does not take the place of the good one', async () => {
    await vm.exec(`mkdir /root/bin; cat > /root/bin/borg; chmod 755 /root/bin/borg`, {
      input: `#!/bin/sh
/usr/bin/borg "$@" || exit
case "$*" in *--paper*) ;; 'key '*export*) for last; do :; done; sed -i '3y/abcdef/ghijkl/' "$last" ;; esac
`,
    });
    const before = await exported();
    // By its path rather than over SSH, which is quicker; to Borg that is another place, so it gets another memory.
    const near = '--repo /root/near --state-dir /root/near-state';
    const { exitCode, stdout } = await steward(
      `PATH=/root/bin:$PATH steward keys export --to ${folder} ${near}`,
    );
    expect(stdout).toContain(`the exported key file does not open ${below}: it is damaged`);
    expect(exitCode).toBe(1);
    expect(await exported()).toBe(before);
  });

  test('is recorded without a word of it', async () => {
    const query = 'select location, fingerprint, folder from keys';
    const [sum] = (await exported()).split(' ');
    expect(await run(`sqlite3 -readonly /var/lib/steward/state.db '${query}'`)).toBe(
      `${location}|${sum}|${folder}`,
    );
    const line = (await run(`sed -n 3p ${folder}/*.key`)).trim();
    expect(line).toMatch(/^\S{60,}$/);
    await vm.exec(`! grep -rlaF '${line}' /var/lib/steward /run/steward`);
  });

  test('brings back a repository that has lost its own', async () => {
    await vm.exec(`sed -i '/^key = /,$d' ${below}/config`);
    const without = await vm.exec(`${env} borg list ${location}`, { allowFailure: true });
    expect(without.exitCode).toBe(44);
    await vm.exec(`${env} borg key import ${location} ${folder}/*.key`);
    expect(await run(`cd /tmp; ${env} borg extract --stdout ${location}::one hostname`)).toBe(
      await run('cat /etc/hostname'),
    );
  });
});
