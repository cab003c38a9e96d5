-- Splits user_goal_progress by hash of user_id into so many tables; the handler calls it at its start when
-- PROGRESS_PARTITIONS asks for it, an operator may call it by hand. Worth it from some hundred million rows on: vacuum,
-- index and dump work on a part at a time. Every statement finds a player's rows in one part. The table is locked while its rows
-- are copied (about a minute for ten million). Privileges of other roles have to be granted anew; a table with triggers is
-- left alone. Answers whether it did something.
CREATE OR REPLACE FUNCTION partition_user_goal_progress(partitions integer) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  whole_pkey text;
BEGIN
  IF partitions < 2 THEN
    RETURN false;
  END IF;
  PERFORM pg_advisory_xact_lock(7305808869231650630);
  IF (SELECT relkind FROM pg_class WHERE oid = 'user_goal_progress'::regclass) = 'p' THEN
    RETURN false;
  END IF;
  LOCK TABLE user_goal_progress IN ACCESS EXCLUSIVE MODE;
  IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'user_goal_progress'::regclass AND NOT tgisinternal) THEN
    RAISE EXCEPTION 'user_goal_progress has triggers, which would be lost: drop them, set PROGRESS_PARTITIONS, create them again';
  END IF;
  SELECT conname INTO whole_pkey FROM pg_constraint WHERE conrelid = 'user_goal_progress'::regclass AND contype = 'p';
  EXECUTE format('ALTER TABLE user_goal_progress RENAME CONSTRAINT %I TO user_goal_progress_whole_pkey', whole_pkey);
  ALTER TABLE user_goal_progress RENAME TO user_goal_progress_whole;
  CREATE TABLE user_goal_progress (
    LIKE user_goal_progress_whole INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES INCLUDING COMMENTS
  ) PARTITION BY HASH (user_id);
  FOR part IN 0 .. partitions - 1 LOOP
    EXECUTE format(
      'CREATE TABLE user_goal_progress_%s PARTITION OF user_goal_progress FOR VALUES WITH (MODULUS %s, REMAINDER %s) WITH ('
      || (SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = 'user_goal_progress_whole'::regclass) || ')',
      part, partitions, part);
  END LOOP;
  INSERT INTO user_goal_progress SELECT * FROM user_goal_progress_whole;
  DROP TABLE user_goal_progress_whole;
  RETURN true;
END
$$;
