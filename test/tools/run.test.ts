import { expect, it } from 'vitest';
import { run, runLines, ToolError } from '../../tools/run.ts';

it('what a tool printed beyond the limit is never taken for all that it had to say', async () => {
  const long = 'a very long line '.repeat(1000);
  // A tool that is cut off may well end as if all were well.
  const cut = run('sh', ['-c', `echo "no room" >&2; yes "${long}" | head -c 70000000; exit 0`]);
  await expect(cut).rejects.toThrow(ToolError);
  await expect(cut).rejects.toThrow('sh printed more than 64 MiB and was cut off: no room');
});

async function drained(lines: ReturnType<typeof runLines>) {
  let [count, last] = [0, ''];
  for (;;) {
    const { done, value } = await lines.next();
    if (done) return { count, last, result: value };
    count += value.length;
    last = value.at(-1) ?? last;
  }
}

it('line by line, there is no limit, and nothing is lost', async () => {
  expect(await drained(runLines('sh', ['-c', 'seq 9000000; printf end; echo oh >&2; exit 3']))).toEqual({
    count: 9_000_001,
    last: 'end',
    result: { exitCode: 3, stdout: '', stderr: 'oh\n' },
  });
});

it('line by line, a tool that is missing or hangs is an error too', async () => {
  await expect(drained(runLines('steward-no-such-tool', []))).rejects.toThrow('is not installed');
  const hangs = runLines('sh', ['-c', 'echo begun; exec sleep 60'], { timeoutMs: 300 });
  await expect(drained(hangs)).rejects.toThrow('sh did not answer within 0.3 s');
});

it('who reads no further ends the tool', async () => {
  const lines = runLines('sh', ['-c', 'echo $$; exec sleep 60']);
  const { value = [] } = (await lines.next()) as IteratorResult<string[], string[]>;
  const pid = Number(value[0]);
  await lines.return({ exitCode: 0, stdout: '', stderr: '' });
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});
