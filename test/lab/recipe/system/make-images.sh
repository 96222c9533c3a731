#!/bin/sh
# Cuts the root file systems of the lab's Docker images out of this very server, into $1/<name>.tar.
# A binary and the libraries that ldd names are enough; no registry can be reached from the lab.
set -eu
out=$1
mkdir -p "$out"

new_root() {
  root=$(mktemp -d)
  chmod 755 "$root"
  mkdir -p "$root"/bin "$root"/sbin "$root"/usr/bin "$root"/usr/sbin "$root"/etc "$root"/var/www "$root"/data
  install -d -m 1777 "$root/tmp"
  cp /bin/busybox "$root/bin/busybox"
  chroot "$root" /bin/busybox --install -s
  # Postgres' initdb wants a name for the user it runs as, whatever uid compose chose.
  {
    echo root:x:0:0:root:/root:/bin/sh
    echo postgres:x:999:999::/var/lib/postgresql:/bin/sh
    for id in 70 $(seq 1000 1009); do echo "u$id:x:$id:$id::/tmp:/bin/sh"; done
  } > "$root/etc/passwd"
  chmod 666 "$root/etc/passwd"
  printf 'root:x:0:\npostgres:x:999:\n' > "$root/etc/group"
}

# Copies files with the libraries they are linked with, at their own paths.
add() {
  for file in "$@"; do
    # Never through one of busybox' links, which may stand in the place.
    cp --parents -L --remove-destination "$file" "$root"
    ldd "$file" 2> /dev/null | grep -o '/[^ ]*' | sort -u | while read -r library; do
      [ -e "$root$library" ] || cp --parents -L "$library" "$root"
    done
  done
}

save() {
  tar -C "$root" --numeric-owner -cf "$out/$1.tar" .
  rm -rf "$root"
}

for version in 1 2; do
  new_root
  echo "lab/busybox $version" > "$root/etc/lab-release"
  save "busybox-$version"
done

new_root
add /usr/bin/caddy
mkdir -p "$root/etc/caddy" "$root/etc/ssl/certs" "$root/config"
printf ':80 {\n\trespond "lab"\n}\n' > "$root/etc/caddy/Caddyfile"
save caddy-1

new_root
version=$(ls /usr/lib/postgresql)
mkdir -p "$root/usr/lib/postgresql/$version" "$root/usr/local/bin" "$root/usr/share/zoneinfo"
add /usr/lib/postgresql/"$version"/bin/*
# Without the just-in-time compiler, whose LLVM is bigger than all the rest.
cp -r "/usr/lib/postgresql/$version/lib" "$root/usr/lib/postgresql/$version/"
rm -rf "$root/usr/lib/postgresql/$version/lib/bitcode" "$root/usr/lib/postgresql/$version/lib/"llvmjit*
cp --parents -r "/usr/share/postgresql/$version" /usr/share/zoneinfo "$root"
rm -rf "$root/usr/share/postgresql/$version/extension" && mkdir "$root/usr/share/postgresql/$version/extension"
cp "/usr/share/postgresql/$version/extension/plpgsql"* "$root/usr/share/postgresql/$version/extension/"
add /usr/bin/setpriv /usr/bin/locale
install -m 755 "$(dirname "$0")/postgres-entrypoint.sh" "$root/usr/local/bin/docker-entrypoint.sh"
install -d -m 1777 "$root/var/run/postgresql" "$root/run/postgresql"
install -d -o 999 -g 999 "$root/var/lib/postgresql"
install -d -o 999 -g 999 -m 1777 "$root/var/lib/postgresql/data"
save postgres-1
