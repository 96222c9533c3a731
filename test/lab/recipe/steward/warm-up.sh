#!/bin/sh
# Runs in the server: starts Node once, so that the saved memory has it in its page cache.
set -eu
node -e 'import("node:sqlite")'
sync
