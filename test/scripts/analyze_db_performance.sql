-- What the database did since its statistics were last reset, for people: run it after a load test.
--   psql -f test/scripts/analyze_db_performance.sql            (or: gauntlet exec-sql -f test/scripts/analyze_db_performance.sql)
-- Plain psql 15; needs pg_stat_statements for the first two parts. Changes nothing.
\set ON_ERROR_STOP on
\pset pager off
\pset null '-'

\echo '== Slowest statements on user_goal_progress (mean_exec_time, ms) =='
SELECT calls, round(mean_exec_time::numeric, 3) AS mean_ms, round(max_exec_time::numeric, 1) AS max_ms, round(stddev_exec_time::numeric, 3) AS stddev_ms,
       round(total_exec_time::numeric / 1000, 1) AS total_s, rows, left(regexp_replace(query, '\s+', ' ', 'g'), 110) AS statement
FROM pg_stat_statements
WHERE query LIKE '%user_goal_progress%' AND query NOT LIKE '%pg\_stat\_%'
ORDER BY mean_exec_time DESC LIMIT 10;

\echo '== Statements by total time, with their share, cache hits and WAL =='
SELECT round((100 * total_exec_time / nullif(sum(total_exec_time) OVER (), 0))::numeric, 1) AS share_pct, calls,
       round(mean_exec_time::numeric, 3) AS mean_ms, round((100.0 * shared_blks_hit / nullif(shared_blks_hit + shared_blks_read, 0))::numeric, 2) AS hit_pct,
       pg_size_pretty(wal_bytes) AS wal, left(regexp_replace(query, '\s+', ' ', 'g'), 100) AS statement
FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY total_exec_time DESC LIMIT 10;

\echo '== Connections by state =='
SELECT coalesce(state, backend_type) AS state, count(*), max(now() - state_change) AS longest,
       (SELECT setting::int FROM pg_settings WHERE name = 'max_connections') AS max_connections
FROM pg_stat_activity GROUP BY 1 ORDER BY 2 DESC;

\echo '== Table statistics =='
SELECT relname, n_live_tup AS live, n_dead_tup AS dead, n_tup_ins AS inserted, n_tup_upd AS updated,
       round(100.0 * n_tup_hot_upd / nullif(n_tup_upd, 0), 1) AS hot_pct, n_tup_del AS deleted, seq_scan, idx_scan, autovacuum_count, last_autovacuum
FROM pg_stat_user_tables ORDER BY n_tup_ins + n_tup_upd + n_tup_del DESC;

\echo '== Index use =='
SELECT relname, indexrelname, idx_scan, idx_tup_read, idx_tup_fetch, pg_size_pretty(pg_relation_size(indexrelid)) AS size
FROM pg_stat_user_indexes ORDER BY idx_scan DESC;

\echo '== Cache hit ratio =='
SELECT datname, blks_hit, blks_read, round(100.0 * blks_hit / nullif(blks_hit + blks_read, 0), 3) AS hit_pct, temp_files, pg_size_pretty(temp_bytes) AS temp, deadlocks
FROM pg_stat_database WHERE datname = current_database();
SELECT relname, round(100.0 * heap_blks_hit / nullif(heap_blks_hit + heap_blks_read, 0), 3) AS table_hit_pct,
       round(100.0 * idx_blks_hit / nullif(idx_blks_hit + idx_blks_read, 0), 3) AS index_hit_pct
FROM pg_statio_user_tables ORDER BY heap_blks_hit + heap_blks_read DESC;

\echo '== Locks and waits, now =='
SELECT mode, count(*) FILTER (WHERE granted) AS granted, count(*) FILTER (WHERE NOT granted) AS waiting FROM pg_locks GROUP BY mode ORDER BY 3 DESC, 2 DESC;
SELECT coalesce(wait_event_type, 'CPU') AS wait_type, coalesce(wait_event, 'CPU') AS wait_event, count(*) AS sessions
FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() GROUP BY 1, 2 ORDER BY 3 DESC;
SELECT blocked.pid AS blocked_pid, blocking.pid AS blocking_pid, now() - blocked.query_start AS waits_for, left(blocked.query, 60) AS blocked_statement
FROM pg_stat_activity blocked JOIN pg_stat_activity blocking ON blocking.pid = ANY (pg_blocking_pids(blocked.pid));

\echo '== Sizes and bloat =='
-- Bloat is estimated from dead rows; pgstattuple would read whole tables to know.
SELECT relname, pg_size_pretty(pg_total_relation_size(relid)) AS total, pg_size_pretty(pg_relation_size(relid)) AS heap, pg_size_pretty(pg_indexes_size(relid)) AS indexes,
       round(100.0 * n_dead_tup / nullif(n_live_tup + n_dead_tup, 0), 1) AS dead_rows_pct
FROM pg_stat_user_tables ORDER BY pg_total_relation_size(relid) DESC;

\echo '== WAL and checkpoints =='
SELECT wal_records, wal_fpi, pg_size_pretty(wal_bytes) AS wal, wal_buffers_full, wal_write, wal_sync, round(wal_write_time::numeric, 1) AS write_ms,
       round(wal_sync_time::numeric, 1) AS sync_ms, stats_reset FROM pg_stat_wal;
SELECT checkpoints_timed, checkpoints_req, round(checkpoint_write_time::numeric / 1000, 1) AS write_s, round(checkpoint_sync_time::numeric / 1000, 1) AS sync_s,
       buffers_checkpoint, buffers_clean, buffers_backend FROM pg_stat_bgwriter;
