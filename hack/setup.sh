#!/bin/sh
# Installs the packages as the lock file says (Node.js 24 among them), unless that is done.
set -eu
cd "$(dirname "$0")/.."

# Compared by content: a checkout changes the times of files. Packages behind a link are those of another clone.
if [ -L node_modules ] || cmp -s package-lock.json node_modules/.footfall-lock.json; then exit 0; fi
if ! command -v npm >/dev/null 2>&1; then
  echo "npm is missing: install Node.js, which brings it (https://nodejs.org)." >&2
  exit 1
fi
echo "Installing packages ..." >&2
# onnxruntime-node would otherwise look for GPU libraries outside of the registry.
ONNXRUNTIME_NODE_INSTALL=${ONNXRUNTIME_NODE_INSTALL:-skip} npm ci --no-audit --no-fund --loglevel=error >&2
cp package-lock.json node_modules/.footfall-lock.json
