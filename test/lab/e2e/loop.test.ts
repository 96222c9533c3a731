import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Homelab, startHomelab } from './support/homelab.ts';
import { labYaml, small } from './support/lab-files.ts';

/** How long to wait at most; a busy machine without hardware virtualisation is a hundred times slower than a server. */
const waitMs = 9 * 60_000;
/** So long that only the push itself can have been the reason to look. */
const unit = `systemd-run --unit steward-loop --property TimeoutStopSec=120 steward reconcile --interval 60m --listen 127.0.0.1:9464`;

describe('the loop', { timeout: 2 * waitMs }, () => {
  let lab: Homelab;
  const state = (name: string) =>
    lab.vm
      .exec(`docker inspect -f {{.State.Status}} ${name}`, { allowFailure: true })
      .then(({ stdout }) => stdout.trim());
  const status = () =>
    lab.vm
      .exec('curl -fsS http://127.0.0.1:9464/status', { allowFailure: true })
      .then(({ stdout }) => JSON.parse(stdout || 'null') as { appliedCommit?: string } | null);

  beforeAll(async () => {
    lab = await startHomelab();
    await lab.push({ 'lab.yaml': labYaml, ...small('one') });
    await lab.run(unit);
  });

  afterAll(() => lab?.[Symbol.asyncDispose]());

  test('applies what is in Git when it starts', async () => {
    await expect.poll(() => state('one'), { timeout: waitMs, interval: 1000 }).toBe('running');
    await expect
      .poll(async () => (await status())?.appliedCommit, { timeout: waitMs, interval: 1000 })
      .toBeTruthy();
  });

  test('applies a push at once, an hour before it would have looked by itself', async () => {
    const commit = await lab.push(small('two'));
    await expect.poll(() => state('two'), { timeout: waitMs, interval: 1000 }).toBe('running');
    await expect
      .poll(async () => (await status())?.appliedCommit, { timeout: waitMs, interval: 1000 })
      .toBe(commit);
  });

  test('serves metrics that promtool accepts, health and status', async () => {
    const checked = await lab.vm.exec('curl -fsS http://127.0.0.1:9464/metrics | promtool check metrics', {
      allowFailure: true,
    });
    expect(checked).toEqual({ stdout: '', stderr: '', exitCode: 0 });
    expect(await lab.run("curl -fsS -w '%{http_code}' http://127.0.0.1:9464/healthz")).toBe('ok\n200');
  });

  test('keeps no secret and no failure in its log', async () => {
    const log = await lab.run('journalctl -u steward-loop -o cat');
    const levels = log
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => (JSON.parse(line) as { level: number | string }).level);
    expect(levels.length).toBeGreaterThan(2);
    expect(levels.filter((level) => level === 50 || level === 'error')).toEqual([]);
  });

  test('ends cleanly at SIGTERM, and nothing stops with it', async () => {
    const before = await lab.containers();
    await lab.run('systemctl kill -s TERM --kill-whom=main steward-loop');
    const active = () => lab.vm.exec('systemctl is-active steward-loop', { allowFailure: true });
    await expect
      .poll(async () => (await active()).stdout, { timeout: waitMs, interval: 500 })
      .toBe('inactive');
    expect(await lab.run('journalctl -u steward-loop -o cat')).toContain('stopped');
    expect(await lab.containers()).toEqual(before);
  });

  test('is alone: who comes second is told who is at work', async () => {
    // Holds the lock as another steward would, for as long as the second one waits.
    await lab.push(small('three'));
    const script = `steward reconcile --once > /tmp/first.log 2>&1 & pid=$!
      until sqlite3 -readonly /var/lib/steward/state.db 'select change_id from journal' | grep -q .; do sleep 0.1; done
      steward reconcile --once --wait 0; echo "exit $?"
      wait $pid; echo "first $? $pid"`;
    const { stdout, stderr } = await lab.vm.exec(script, { timeoutMs: waitMs });
    const pid = /first 0 (\d+)/.exec(stdout)?.[1];
    expect(stdout).toContain('exit 1');
    expect(stderr).toContain(`steward reconcile --once (pid ${pid}`);
    expect(stderr).toContain('nothing was done');
  });
});
