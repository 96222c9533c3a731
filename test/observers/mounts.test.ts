import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { observeMounts } from '../../observers/mounts.ts';

it('all that is mounted is seen, as the kernel says it', async () => {
  const file = join(tmpdir(), 'mountinfo');
  const lines = [
    '61 27 0:45 / /datapool/services/photo rw,relatime shared:31 - zfs datapool/services/photo rw,xattr,noacl',
    '70 61 8:17 /old\\040photos /datapool/services/photo/old rw,relatime shared:40 - ext4 /dev/sdb1 rw',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  expect(await observeMounts(file)).toEqual({
    known: true,
    value: [
      { source: 'datapool/services/photo', mountpoint: '/datapool/services/photo', type: 'zfs' },
      { source: '/dev/sdb1', mountpoint: '/datapool/services/photo/old', type: 'ext4' },
    ],
  });
});

it('what cannot be read is not known', async () => {
  expect(await observeMounts('/nowhere/mountinfo')).toMatchObject({
    known: false,
    error: expect.stringContaining('what is mounted cannot be read: ENOENT'),
  });
});

it('this machine has mounts', async () => {
  const seen = await observeMounts();
  expect(seen.known && seen.value.length).toBeGreaterThan(0);
});
