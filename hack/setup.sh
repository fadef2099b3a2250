#!/bin/sh
# Makes a fresh clone ready: packages as the lock file says (Node 24 among them), and a look for ffmpeg.
# Does nothing where its work is done. `--quiet` says nothing unless something is missing.
set -eu
cd "$(dirname "$0")/.."

if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.footfall-ready ]; then
  [ "${1:-}" = --quiet ] || echo "Installing packages ..." >&2
  # onnxruntime-node would otherwise look for GPU libraries outside of the registry.
  ONNXRUNTIME_NODE_INSTALL=${ONNXRUNTIME_NODE_INSTALL:-skip} npm ci --no-audit --no-fund --loglevel=error >&2
  touch node_modules/.footfall-ready
fi

ffmpeg=${FFMPEG_PATH:-ffmpeg}
if ! command -v "$ffmpeg" >/dev/null 2>&1; then
  echo "ffmpeg is missing: install version 5.1 or newer (Debian and Ubuntu: apt-get install ffmpeg; macOS: brew install ffmpeg)." >&2
  exit 1
fi
