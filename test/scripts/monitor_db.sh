#!/usr/bin/env bash
# Writes one line about the database every few seconds until Ctrl-C:
#   timestamp,active_connections,idle_connections,total_queries,slow_queries,avg_query_time_ms
#   test/scripts/monitor_db.sh OUT [INTERVAL_S]      INTERVAL_S is 5 when absent
# total_queries, slow_queries and avg_query_time_ms are pg_stat_statements' sums since its last reset; slow are the calls
# of statements that take longer than 100 ms on average. Reads the stack of this checkout, or the database that PGHOST,
# PGPORT, PGDATABASE, PGUSER and PGPASSWORD name when PGHOST is set. `gauntlet watch` records far more.
# Exit status: 0 ended by Ctrl-C; 2 wrong usage; 1 the database does not answer when the script starts.
set -euo pipefail
out=${1:-} interval=${2:-5}
[[ -n $out && $out != -* && $interval =~ ^[0-9]+([.][0-9]+)?$ ]] || { sed -n '2,4p' "$0" >&2; exit 2; }
[[ -n ${PGHOST:-} ]] || { exports=$("$(dirname "$0")/gauntlet" env); eval "$exports"; }

sample() {
  psql --no-psqlrc --quiet --tuples-only --no-align --field-separator=, --set=ON_ERROR_STOP=1 <<'SQL'
SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
  (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()),
  (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle'),
  coalesce(sum(calls), 0), coalesce(sum(calls) FILTER (WHERE mean_exec_time > 100), 0),
  round((coalesce(sum(total_exec_time) / nullif(sum(calls), 0), 0))::numeric, 3)
FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database());
SQL
}

first=$(sample) || { echo "monitor_db.sh: the database does not answer (see above); is the stack up (make dev-ps)?" >&2; exit 1; }
trap 'kill $! 2>/dev/null; exit 0' INT TERM
mkdir -p "$(dirname "$out")"
printf '%s\n%s\n' timestamp,active_connections,idle_connections,total_queries,slow_queries,avg_query_time_ms "$first" >"$out"
echo "writing to $out every $interval s; Ctrl-C ends it" >&2
while :; do
  sleep "$interval" & wait $!   # a signal ends the wait at once
  line=$(sample) && printf '%s\n' "$line" >>"$out" || echo "monitor_db.sh: no answer; trying again" >&2
done
