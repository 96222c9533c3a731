/**
 * QEMU's command line. This file is part of the key of the saved servers: a state can be resumed only by a
 * machine with the same devices.
 */
import { join } from 'node:path';
import type { Accelerator } from './accelerator.ts';
import { type Disk, diskFile, disks, memoryMb } from './paths.ts';

export type QemuOptions = {
  readonly accelerator: Accelerator;
  /** Holds the disks to write to; receives serial.log. */
  readonly dir: string;
  readonly kernelDir: string;
  /** A short path: it becomes part of a socket's. */
  readonly socketDir: string;
  readonly sshPort: number;
  readonly memory:
    | { readonly kind: 'plain' }
    /** Written through to the file, to be saved later. */
    | { readonly kind: 'file'; readonly file: string }
    /** Starts as the file's content, which stays as it is. */
    | { readonly kind: 'copy-of-file'; readonly file: string };
  /** File of {@link saveDevices}; without it the machine boots. */
  readonly resumeDevices?: string;
  /** Lets the machine outlive this process. */
  readonly detached?: boolean;
};

/** Path of the QMP socket. */
export function monitorSocket(options: QemuOptions): string {
  return join(options.socketDir, 'monitor');
}

/** The program and its arguments. */
export function qemuCommand(options: QemuOptions): [string, ...string[]] {
  const { accelerator, kernelDir, dir, sshPort } = options;
  return [
    'qemu-system-x86_64',
    ...[
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
      '-smp',
      processors(accelerator),
      '-m',
      `${memoryMb()}M`,
    ],
    ...['-accel', accelerator === 'kvm' ? 'kvm' : 'tcg,thread=multi,tb-size=1024'],
    ...['-cpu', accelerator === 'kvm' ? 'host' : emulatedProcessor],
    ...['-object', memoryBackend(options), '-machine', 'pc,memory-backend=memory'],
    ...['-kernel', join(kernelDir, 'vmlinuz'), '-initrd', join(kernelDir, 'initrd.img')],
    ...['-append', kernelArguments],
    ...disks.flatMap((disk) => diskArguments(dir, disk)),
    ...['-netdev', `user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:${sshPort}-:22`],
    ...['-device', 'virtio-net-pci,netdev=net,romfile=', '-device', 'virtio-rng-pci'],
    ...[
      '-chardev',
      `file,id=console,path=${join(dir, 'serial.log')},append=on`,
      '-serial',
      'chardev:console',
    ],
    ...['-qmp', `unix:${monitorSocket(options)},server=on,wait=off`],
    ...(options.resumeDevices ? ['-incoming', 'defer'] : []),
  ];
}

/**
 * An emulated machine of one processor needs neither barriers nor locked instructions: two such beside each other do
 * a fifth more in a given time than two of two processors (125 s against 160 s for the same containers and networks).
 */
function processors(accelerator: Accelerator): string {
  return accelerator === 'kvm' ? '2' : '1';
}

// QEMU 7.2 leaves rubbish in the flags after cmpxchg16b; an interrupt right behind it then makes the kernel
// panic or copy backwards, in about every second boot. Without the instruction Linux takes another way.
//
// Memory protection keys (pku) make V8 guard its generated code by them, a path with known crashes of its own
// (nodejs/node#64500) and none that a home server's usual processor takes: Node died of it once in some fifty
// starts here ("Check failed: it->second.Size() > offset").
const emulatedProcessor = 'max,-cx16,-pku';

// No mitigations and no AppArmor: the guest is emulated and runs our own tests only.
const kernelArguments =
  'root=LABEL=root rw console=ttyS0 net.ifnames=0 mitigations=off apparmor=0 audit=0 quiet loglevel=4 panic=-1 ' +
  'random.trust_cpu=on selinux=0 systemd.ssh_auto=no';

function memoryBackend({ memory }: QemuOptions): string {
  const size = `id=memory,size=${memoryMb()}M`;
  if (memory.kind === 'plain') return `memory-backend-ram,${size}`;
  return `memory-backend-file,${size},mem-path=${memory.file},share=${memory.kind === 'file' ? 'on' : 'off'}`;
}

/**
 * `cache=unsafe` skips fsync on the host. What the guest has flushed is still in the host's page cache when
 * QEMU is killed, so a power cut of the guest keeps it; only a crash of the host would not.
 */
function diskArguments(dir: string, disk: Disk): string[] {
  const drive = `if=none,id=${disk},file=${diskFile(dir, disk)},format=qcow2,cache=unsafe,discard=unmap`;
  return ['-drive', drive, '-device', `virtio-blk-pci,drive=${disk},serial=${disk}`];
}
