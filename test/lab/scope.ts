/** How much of the lab a run goes through: emulated, all of it takes more than an hour. */

export const whole = process.env.STEWARD_LAB_ALL === '1';

/** Files of a whole run alone, each with what stands in for it in every other run. */
export const wholeOnly: Readonly<Record<string, string>> = {
  'test/lab/lab.test.ts': 'the lab itself: what every other file stands on',
  'test/lab/e2e/backup-faults.test.ts':
    'repositories that fill up or go: test/apply and the simulator have them too',
  'test/lab/e2e/backup-load.test.ts':
    'a database that is written to meanwhile: backup.test.ts and restore.test.ts have one that is not',
  'test/lab/e2e/backup-refused.test.ts':
    'a passphrase, a lock, a silent line: test/apply has them with the real Borg',
  'test/lab/e2e/backup-room.test.ts':
    'a full pool, and state that cannot be written: the simulator fails at each step',
  'test/lab/e2e/backup-services.test.ts': 'containers that do not stop or start: the simulator has them too',
  'test/lab/e2e/hostile.test.ts': 'commits that mean harm: unit tests read the same ones',
  'test/lab/e2e/hub.test.ts': 'the hub in front of services: test/apply loads routes into the real Caddy',
  'test/lab/e2e/images.test.ts': 'a registry with a password: what is fetched when is planned in unit tests',
  'test/lab/e2e/keys.test.ts': 'keys over SSH: test/apply exports and proves them with the real Borg',
  'test/lab/e2e/backup-plug.test.ts':
    'the plug pulled at every place of a backup: recover and backup-crash die too, and the simulator at each place',
  'test/lab/e2e/backup-steps.test.ts': 'steps of a backup one by one: backup.test.ts runs them together',
  'test/lab/e2e/backup-together.test.ts':
    'all services at one instant, and hooks: the simulator fails at each step of it',
  'test/lab/e2e/contract.test.ts': 'the simulated tools against the real ones: changes only with either',
  'test/lab/e2e/dns.test.ts': 'BIND and dnsmasq in front of a hub: unit tests speak to the real ones',
  'test/lab/e2e/drill-crash.test.ts': 'drills that die: the simulator tries the same places',
  'test/lab/e2e/drill-start.test.ts':
    'stacks on restored data: their isolation is tested as data, their steps on the simulator',
  'test/lab/e2e/many-services.test.ts': 'forty networks: subnets are given out in unit tests',
  'test/lab/e2e/outage.test.ts': 'no Docker, no pool: the simulator has either missing too',
  'test/lab/e2e/proof-steps.test.ts': 'steps of a drill one by one: test/apply runs them with the real Borg',
  'test/lab/e2e/restore-plug.test.ts':
    'the plug pulled in a restore and a recovery: restore and recover are killed there',
  'test/lab/e2e/secrets.test.ts':
    'secrets of age: unit tests plant them everywhere and search all that is written',
  'test/lab/e2e/signed.test.ts': 'signed commits: unit tests sign with the real ssh-keygen and gpg',
  'test/lab/e2e/snapshots.test.ts': 'snapshots by hand: the simulator has them too',
};

/** Those that the usual run tries, or all of them. */
export function inScope<T>(cases: readonly T[], usual: (one: T) => boolean): T[] {
  return cases.filter((one) => whole || usual(one));
}
