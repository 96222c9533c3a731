#!/bin/sh
# Stands for the entry point of the official image: initialises an empty PGDATA, then becomes the server.
# Runs as the uid it is started with; started as root it gives the data to postgres and drops to it.
set -eu
PGDATA=${PGDATA:-/var/lib/postgresql/data}
[ "${1:-postgres}" = postgres ] || exec "$@"

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chown -R 999:999 "$PGDATA"
  exec /usr/bin/setpriv --reuid 999 --regid 999 --clear-groups "$0" "$@"
fi

# initdb looks the user up by uid; the image leaves the file writable for uids it does not list.
id -un > /dev/null 2>&1 || echo "anyone:x:$(id -u):$(id -g)::/tmp:/bin/sh" >> /etc/passwd

initialise() {
  user=${POSTGRES_USER:-postgres}
  database=${POSTGRES_DB:-$user}
  password=${POSTGRES_PASSWORD:-}
  [ -z "${POSTGRES_PASSWORD_FILE:-}" ] || password=$(cat "$POSTGRES_PASSWORD_FILE")
  method=trust
  if [ -n "$password" ]; then
    method=scram-sha-256
    printf '%s\n' "$password" > /tmp/password
    set -- --pwfile=/tmp/password
  else
    set --
  fi
  initdb --username="$user" --auth-local=trust --auth-host="$method" --locale=C --encoding=UTF8 "$@"
  rm -f /tmp/password
  echo "host all all all $method" >> "$PGDATA/pg_hba.conf"
  [ "$database" = postgres ] ||
    printf 'CREATE DATABASE "%s";\n' "$database" | postgres --single -j postgres > /dev/null
}

export PGDATA
[ -s "$PGDATA/PG_VERSION" ] || initialise
[ $# -gt 0 ] || set -- postgres
exec "$@" -c listen_addresses='*'
