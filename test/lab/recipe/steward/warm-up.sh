#!/bin/sh
# Runs in /opt/steward of the server: checks the installed dependencies and reads each of them once, so
# that the saved memory has Node and the libraries in its page cache.
set -eu
ln -sf /opt/steward/node_modules/node/bin/node /usr/local/bin/node
node --input-type=module -e '
import { readFileSync } from "node:fs";
const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"));
for (const name of Object.keys(dependencies)) {
  if (name !== "node") await import(name).catch((error) => console.error(String(error)));
}
await import("node:sqlite");
'
find node_modules -type f ! -path '*/node/bin/*' -exec cat {} + > /dev/null
sync
