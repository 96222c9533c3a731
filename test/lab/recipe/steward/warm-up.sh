#!/bin/sh
# Runs in the server: puts the programs in the path and starts Node once, so that the saved memory has it in its cache.
set -eu
ln -s /opt/steward/bin/steward /usr/local/bin/steward
ln -s /opt/steward/node_modules/node/bin/node /usr/local/bin/node
node -e 'import("node:sqlite")'
sync
