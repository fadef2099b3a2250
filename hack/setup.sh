#!/bin/sh
# Makes a fresh clone ready: packages as the lock file says (Node 24 among them), and a look for ffmpeg.
# Does nothing where its work is done. `--quiet` says nothing unless something is missing.
set -eu
cd "$(dirname "$0")/.."

if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.footfall-ready ]; then
  [ "${1:-}" = --quiet ] || echo "Installing packages ..." >&2
  # onnxruntime-node would otherwise look for GPU libraries outside of the registry. Not `npm ci`: it wants the lock file
  # to name the linter's binaries for every platform, also those that were not to be had where it was written.
  ONNXRUNTIME_NODE_INSTALL=${ONNXRUNTIME_NODE_INSTALL:-skip} npm install --no-save --no-audit --no-fund --loglevel=error >&2
  touch node_modules/.footfall-ready
fi

ffmpeg=${FFMPEG_PATH:-ffmpeg}
if ! command -v "$ffmpeg" >/dev/null 2>&1; then
  echo "ffmpeg is missing: install version 5.1 or newer (Debian and Ubuntu: apt-get install ffmpeg; macOS: brew install ffmpeg)." >&2
  exit 1
fi
