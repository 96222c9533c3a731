#!/bin/sh
# The way of the documentation, as a script that a person would write: stop all services, one snapshot of everything,
# start all again, then one `borg create` after the other out of .zfs/snapshot, prune, and destroy the snapshot.
# usage: documented-way.sh TAG SERVICE...
set -eu
tag=$1
shift
parent=datapool/services
repositories=ssh://borg@localhost/backup/borg
compose() { docker compose --project-directory "/root/by-hand/$1" -p "$1" -f "/root/by-hand/$1/docker-compose.yml" "$2" 2> /dev/null; }
for service in "$@"; do compose "$service" stop; done
zfs snapshot -r "$parent@$tag"
for service in "$@"; do compose "$service" start; done
for service in "$@"; do
  repository="$repositories/by-hand_$service"
  borg create --compression lz4 "$repository::$service-$tag" "/$parent/$service/.zfs/snapshot/$tag"
  borg prune --keep-daily 7 "$repository"
  borg compact "$repository"
done
zfs destroy -r "$parent@$tag"
