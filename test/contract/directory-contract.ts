import { deepEqual, match, rejects } from 'node:assert/strict';
import type { Step } from '../../reconciler/types.ts';
import { type ContractCase, type ContractHost, execute, observe } from './contract-host.ts';

/** A dataset of its own for each case, and the guard that goes with it. */
async function dataset(host: ContractHost, name: string) {
  const guard = {
    dataset: `${host.parent.dataset}/${name}`,
    mountpoint: `${host.parent.mountpoint}/${name}`,
  };
  await execute(host, { op: 'zfs-create', ...guard, properties: {} });
  return guard;
}

async function look(host: ContractHost, path: string) {
  return (await observe(host, [path])).paths[path];
}

function directory(uid: number, gid: number, mode: string) {
  return { known: true, value: { type: 'directory', uid, gid, mode } };
}

const absent = { known: true, value: { type: 'absent' } };

export const directoryContract: ContractCase[] = [
  {
    name: 'a directory has its owner and mode, set-gid included, and so have those made above it',
    async run(host) {
      const guard = await dataset(host, 'dirs');
      const path = `${guard.mountpoint}/a/b`;
      const step: Step = { op: 'directory-create', path, guard, uid: 101000, gid: 990, mode: '2770' };
      await execute(host, step, step);
      deepEqual(await look(host, path), directory(101000, 990, '2770'));
      deepEqual(await look(host, `${guard.mountpoint}/a`), directory(101000, 990, '2770'));
    },
  },
  {
    name: 'what is above a new directory and was there keeps its owner and mode',
    async run(host) {
      const guard = await dataset(host, 'above');
      const base = { op: 'directory-create' as const, guard, gid: 990 };
      const above = `${guard.mountpoint}/above`;
      await execute(host, { ...base, path: above, uid: 100000, mode: '0750' });
      await execute(host, { ...base, path: `${above}/below`, uid: 100999, mode: '0700' });
      deepEqual(await look(host, above), directory(100000, 990, '0750'));
      deepEqual(await look(host, `${above}/below`), directory(100999, 990, '0700'));
    },
  },
  {
    name: 'a directory that is there already keeps its owner and mode when it is created again',
    async run(host) {
      const guard = await dataset(host, 'again');
      const path = `${guard.mountpoint}/database`;
      const make = { op: 'directory-create' as const, guard, path };
      await execute(host, { ...make, uid: 999, gid: 999, mode: '0700' });
      await execute(host, { ...make, uid: 100000, gid: 990, mode: '2770' });
      deepEqual(await look(host, path), directory(999, 999, '0700'));
    },
  },
  {
    name: 'the mountpoint itself gets an owner and a mode',
    async run(host) {
      const guard = await dataset(host, 'top');
      const path = guard.mountpoint;
      await execute(host, { op: 'directory-create', path, guard, uid: 100000, gid: 990, mode: '2775' });
      deepEqual(await look(host, path), directory(100000, 990, '2775'));
    },
  },
  {
    name: 'a change of owner keeps the mode and leaves what is below alone',
    async run(host) {
      const guard = await dataset(host, 'owner');
      const top = `${guard.mountpoint}/a`;
      const make = { op: 'directory-create' as const, guard, uid: 1, gid: 1, mode: '2750' };
      await execute(host, { ...make, path: top }, { ...make, path: `${top}/b` });
      const own: Step = { op: 'directory-owner', path: top, guard, uid: 2, gid: 3, recursive: false };
      await execute(host, own, own);
      deepEqual(await look(host, top), directory(2, 3, '2750'));
      deepEqual(await look(host, `${top}/b`), directory(1, 1, '2750'));
    },
  },
  {
    name: 'a recursive change of owner reaches what is below',
    async run(host) {
      const guard = await dataset(host, 'recursive');
      const top = `${guard.mountpoint}/a`;
      await execute(host, {
        op: 'directory-create',
        guard,
        uid: 1,
        gid: 1,
        mode: '2750',
        path: `${top}/b/c`,
      });
      await execute(host, { op: 'directory-owner', path: top, guard, uid: 2, gid: 3, recursive: true });
      for (const path of [top, `${top}/b`, `${top}/b/c`]) {
        deepEqual(await look(host, path), directory(2, 3, '2750'));
      }
    },
  },
  {
    name: 'a mode is set, and the owner stays',
    async run(host) {
      const guard = await dataset(host, 'mode');
      const path = `${guard.mountpoint}/a`;
      const mode: Step = { op: 'directory-mode', path, guard, mode: '0700' };
      await execute(host, { op: 'directory-create', path, guard, uid: 5, gid: 6, mode: '2770' }, mode, mode);
      deepEqual(await look(host, path), directory(5, 6, '0700'));
    },
  },
  {
    name: 'owner and mode of a directory that is not there are errors',
    async run(host) {
      const guard = await dataset(host, 'nothing');
      const path = `${guard.mountpoint}/none`;
      const own: Step = { op: 'directory-owner', path, guard, uid: 1, gid: 1, recursive: false };
      await rejects(execute(host, own), { name: 'StepError' });
      await rejects(execute(host, { op: 'directory-mode', path, guard, mode: '0700' }), {
        name: 'StepError',
      });
      deepEqual(await look(host, path), absent);
    },
  },
  {
    name: 'nothing is written where the dataset is not mounted',
    async run(host) {
      const guard = await dataset(host, 'guarded');
      const path = `${guard.mountpoint}/a`;
      await host.unmount(guard.dataset);
      const step: Step = { op: 'directory-create', path, guard, uid: 1, gid: 1, mode: '0700' };
      await rejects(execute(host, step), (error: Error) => {
        match(error.message, /is not mounted at .*; nothing was written/);
        return error.name === 'StepError';
      });
      deepEqual(await look(host, path), absent);
      await execute(host, { op: 'zfs-mount', ...guard }, step);
      deepEqual(await look(host, path), directory(1, 1, '0700'));
    },
  },
];
