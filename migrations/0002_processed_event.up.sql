-- Ids of the events whose effect is committed, so that a redelivered one has none. The handler inserts an event's id in
-- the transaction that applies it.
-- event_day is the UTC day of the event's own timestamp, which a redelivery repeats; an event without a usable one is
-- entered under its day of arrival and under the day after, and counts only when neither was there.
-- event_id is the event's id where that is a UUID, else 16 bytes of a SHA-256 of what the event says.
CREATE TABLE IF NOT EXISTS processed_event (
  event_day date NOT NULL,
  event_id  uuid NOT NULL,
  PRIMARY KEY (event_day, event_id)
) PARTITION BY RANGE (event_day);

-- Creates the partitions from the window's first day to two days ahead and drops older ones, which is how ids are
-- forgotten: no DELETE, no vacuum. Every handler calls it when it connects and every hour; the lock makes them take turns.
-- Partitions are only inserted into and then dropped, so autovacuum has nothing to do in them.
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
      EXECUTE format('CREATE TABLE %I PARTITION OF processed_event FOR VALUES FROM (%L) TO (%L) WITH (autovacuum_enabled = false)',
                     partition, day, day + 1);
    END IF;
  END LOOP;
  FOR partition IN
    SELECT c.relname
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'processed_event'::regclass
      AND c.relname ~ '^processed_event_\d{8}$'
      AND to_date(right(c.relname, 8), 'YYYYMMDD') < first_day
  LOOP
    EXECUTE format('DROP TABLE %I', partition);
  END LOOP;
END
$$;
