-- maintain_processed_event as before, but nobody's inserts wait for it: to create a partition in place, or to drop one, needs the whole
-- table to itself, and a pg_dump that runs over midnight UTC holds it for as long as it takes. A table that is made apart and then
-- attached bothers neither dumps nor inserts; one that cannot be dropped at once is dropped at a later call.
CREATE OR REPLACE FUNCTION maintain_processed_event(window_hours integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  today     date := (now() AT TIME ZONE 'UTC')::date;
  first_day date := today - (window_hours + 23) / 24 - 2;
  day       date;
  partition text;
BEGIN
  IF NOT EXISTS (
    SELECT FROM generate_series(first_day, today + 2, interval '1 day') AS wanted (day)
    WHERE to_regclass('processed_event_' || to_char(wanted.day, 'YYYYMMDD')) IS NULL
  ) AND to_regclass('processed_event_' || to_char(first_day - 1, 'YYYYMMDD')) IS NULL THEN
    RETURN;
  END IF;
  PERFORM pg_advisory_xact_lock(7305808869231650629);
  FOR day IN SELECT generate_series(first_day, today + 2, interval '1 day')::date LOOP
    partition := 'processed_event_' || to_char(day, 'YYYYMMDD');
    IF to_regclass(partition) IS NULL THEN
      EXECUTE format('CREATE TABLE %I (LIKE processed_event INCLUDING INDEXES) WITH (autovacuum_enabled = false)', partition);
      EXECUTE format('ALTER TABLE processed_event ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', partition, day, day + 1);
    END IF;
  END LOOP;
  BEGIN
    PERFORM set_config('lock_timeout', '100ms', true);
    FOR partition IN
      SELECT c.relname
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = 'processed_event'::regclass
        AND c.relname ~ '^processed_event_\d{8}$'
        AND to_date(right(c.relname, 8), 'YYYYMMDD') < first_day
    LOOP
      EXECUTE format('DROP TABLE %I', partition);
    END LOOP;
  EXCEPTION
    WHEN lock_not_available THEN NULL;
  END;
END
$$;
