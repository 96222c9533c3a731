#!/bin/sh
# Runs once in the booted server, before its state is saved: pools and Docker images.
set -eu

zpool create -o ashift=12 -O atime=off -O compression=lz4 -O xattr=sa -O acltype=posixacl \
  -m /datapool datapool /dev/disk/by-id/virtio-data
zpool create -o ashift=12 -O compression=lz4 -m /backup backuppool /dev/disk/by-id/virtio-backup
install -d -o borg -g borg -m 700 /backup/borg

# With PAM each fetch over SSH starts a session of systemd's own for the user `git`: a second of an emulated processor.
echo 'UsePAM no' > /etc/ssh/sshd_config.d/lab.conf
systemctl reload ssh

# docker import gives every call a new image id, also for the same files.
import() {
  docker import "$@" > /dev/null
}
images=/root/lab/images
import -c 'CMD ["sh"]' $images/busybox-1.tar lab/busybox:1
import -c 'CMD ["sh"]' $images/busybox-2.tar lab/busybox:2
import -c 'CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]' \
  -c 'ENV XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data' -c 'EXPOSE 80 443 2019' \
  $images/caddy-1.tar lab/caddy:1
pg=$(ls /usr/lib/postgresql)
import -c 'ENTRYPOINT ["docker-entrypoint.sh"]' -c 'CMD ["postgres"]' -c 'STOPSIGNAL SIGINT' -c 'EXPOSE 5432' \
  -c "ENV PATH=/usr/lib/postgresql/$pg/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
  -c 'ENV PGDATA=/var/lib/postgresql/data' $images/postgres-1.tar lab/postgres:1
rm -r $images

# The first use of anything is slow under emulation. Use it now: the saved memory keeps it warm.
docker run --rm lab/busybox:1 true
docker compose version > /dev/null
borg --version > /dev/null
ssh -o BatchMode=yes borg@localhost borg --version > /dev/null
git ls-remote ssh://git@localhost/srv/git/lab.git > /dev/null
zfs list > /dev/null
caddy version > /dev/null

systemctl is-system-running --wait || systemctl --failed --no-legend
sync
zpool sync
