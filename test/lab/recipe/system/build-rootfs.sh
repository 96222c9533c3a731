#!/bin/sh
# Makes the root file system of the lab server in the directory $1, from the Debian mirror $2.
# Must run inside its own mount and pid namespace (the caller's `unshare`): a killed build then
# leaves neither a mount below $1 nor a process behind, and deleting $1 can never reach /dev or /proc.
set -eu
rootfs=$1
mirror=$2
here=$(cd "$(dirname "$0")" && pwd)

list() { sed 's/#.*//' "$here/$1" | xargs; }

debootstrap --variant=minbase --components=main,contrib --include=ca-certificates trixie "$rootfs" "$mirror"

cp -a --no-preserve=ownership "$here/files/." "$rootfs/"
mkdir -p "$rootfs/root/lab"
cp "$here"/in-chroot.sh "$here"/make-images.sh "$here"/postgres-entrypoint.sh "$rootfs/root/lab/"
# The chroot downloads with the resolver of this machine; the finished server has no network to resolve in.
cp -L /etc/resolv.conf "$rootfs/etc/resolv.conf"

mount -t proc proc "$rootfs/proc"
mount -t sysfs -o ro sysfs "$rootfs/sys"
mount -t devpts devpts "$rootfs/dev/pts"
PACKAGES=$(list packages.txt) PACKAGES_TO_COMPILE=$(list packages-to-compile.txt) \
  chroot "$rootfs" sh /root/lab/in-chroot.sh
umount "$rootfs/dev/pts" "$rootfs/sys" "$rootfs/proc"

: > "$rootfs/etc/resolv.conf"
