#!/usr/bin/env bash
# Runs the guide's five scenarios at all their load levels; each ends at its first level that fails.
#   test/scripts/run_all_scenarios.sh [--quick|--standard|--full] [--scenario N] [--resume]      (as gauntlet campaign)
# Without a size: --full, the guide's 30 minutes a level, 6 to 12 hours in all.
# Exit status: as gauntlet's; a level that fails is a result, not an error.
set -euo pipefail
size=--full
for argument in "$@"; do case $argument in --quick|--standard|--full|--help|-h) size= ;; esac; done
exec "$(dirname "$0")/gauntlet" campaign ${size:+"$size"} "$@"
