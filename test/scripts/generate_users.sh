#!/usr/bin/env bash
# Makes test/fixtures/users.json: 10,000 players, or as many as the flags say.
#   test/scripts/generate_users.sh [--users N] [--namespace NAME]
set -euo pipefail
exec "$(dirname "$0")/gauntlet" fixtures users "$@"
