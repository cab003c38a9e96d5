#!/usr/bin/env bash
# Makes test/fixtures/challenges.json: 10 challenges of 50 goals, or as many as the flags say.
#   test/scripts/generate_challenges.sh [--challenges N] [--goals N] [--active N] [--seed N]
set -euo pipefail
exec "$(dirname "$0")/gauntlet" fixtures challenges "$@"
