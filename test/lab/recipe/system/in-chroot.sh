#!/bin/sh
# Runs as root in the chroot of the new server: packages, the ZFS module, users, keys, images.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

install_packages() {
  # No service may start in the chroot.
  printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
  chmod +x /usr/sbin/policy-rc.d
  apt-get update -q
  # shellcheck disable=SC2086 # word lists
  apt-get install -qy -o Dpkg::Options::=--force-confold $PACKAGES $PACKAGES_TO_COMPILE
  rm /usr/sbin/policy-rc.d
}

# The module is compiled once, kept aside while compiler, headers and DKMS are removed, and put back.
compile_zfs_and_drop_the_compiler() {
  kernel=$(basename /lib/modules/*)
  dkms autoinstall -k "$kernel"
  cp -a "/lib/modules/$kernel/updates/dkms" /root/lab/modules
  # Unpacking xz takes an emulated processor longer than reading the bigger file.
  find "/lib/modules/$kernel/kernel" /root/lab/modules -name '*.ko.xz' -exec unxz {} +
  # shellcheck disable=SC2086
  apt-get purge -qy --autoremove -o APT::AutoRemove::RecommendsImportant=false \
    -o APT::AutoRemove::SuggestsImportant=false $PACKAGES_TO_COMPILE
  mkdir -p "/lib/modules/$kernel/updates"
  mv /root/lab/modules "/lib/modules/$kernel/updates/zfs"
  depmod "$kernel"
  modinfo -k "$kernel" zfs > /dev/null
  update-initramfs -u -k "$kernel"
}

make_users() {
  useradd --system --no-create-home dockeruser
  echo dockeruser:100000:65536 > /etc/subuid
  echo dockeruser:100000:65536 > /etc/subgid
  # "*" forbids the password but not the key; "!" would lock the account for SSH as well.
  useradd --create-home --shell /bin/bash --password '*' borg
  useradd --create-home --shell /usr/bin/git-shell --password '*' git
  install -d -o git -g git /srv/git
  su -s /bin/sh git -c 'git init --quiet --bare --initial-branch=main /srv/git/lab.git'
  git config --system user.name Lab
  git config --system user.email lab@lab.home.arpa
  git config --system init.defaultBranch main
}

# root reaches borg@localhost and git@localhost without a question.
make_keys() {
  ssh-keygen -A
  install -d -m 700 /root/.ssh
  ssh-keygen -q -t ed25519 -N '' -C root@lab -f /root/.ssh/id_ed25519
  for user in borg git; do
    install -d -m 700 -o $user -g $user /home/$user/.ssh
    install -m 600 -o $user -g $user /root/.ssh/id_ed25519.pub /home/$user/.ssh/authorized_keys
  done
  printf 'localhost,127.0.0.1,lab,lab.home.arpa %s\n' "$(cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub)" \
    > /root/.ssh/known_hosts
  rm -f /etc/ssh/ssh_host_rsa_key* /etc/ssh/ssh_host_ecdsa_key*
}

# Everything that would wake up by itself during a test, or is only here for its files, stays off.
choose_services() {
  systemctl enable systemd-networkd ssh docker
  systemctl disable caddy postgresql prometheus named docker-registry
  systemctl mask systemd-networkd-wait-online.service apt-daily.timer apt-daily-upgrade.timer \
    dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer man-db.timer \
    systemd-tmpfiles-clean.timer getty@tty1.service zfs-volume-wait.service
  systemctl enable serial-getty@ttyS0.service
  mkdir -p /etc/systemd/system/serial-getty@ttyS0.service.d
  printf '[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin root --keep-baud 115200 %%I $TERM\n' \
    > /etc/systemd/system/serial-getty@ttyS0.service.d/autologin.conf
}

slim_down() {
  apt-get clean
  rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/*.log /var/log/apt
  rm -rf /usr/lib/x86_64-linux-gnu/dri
}

install_packages
compile_zfs_and_drop_the_compiler
make_users
make_keys
choose_services
sh /root/lab/make-images.sh /root/lab/images
slim_down
