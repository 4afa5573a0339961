#!/usr/bin/env bash
# The unit tests of web/test, bundled into the folder $1, by node's own test runner.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
OUT=$1 node web/build.mjs --tests
node --test "$1"/*.mjs
