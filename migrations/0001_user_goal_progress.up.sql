-- A player's progress on a goal. Creates the table on an empty database; on one that the earlier services created it
-- adds what is missing, tunes the storage and drops the indexes that the primary key covers. No row is touched.

CREATE TABLE IF NOT EXISTS user_goal_progress (
  user_id        varchar(100) NOT NULL,
  goal_id        varchar(100) NOT NULL,
  challenge_id   varchar(100) NOT NULL,
  namespace      varchar(100) NOT NULL,
  progress       integer      NOT NULL DEFAULT 0,
  status         varchar(20)  NOT NULL DEFAULT 'not_started',
  completed_at   timestamp,
  claimed_at     timestamp,
  created_at     timestamp    NOT NULL DEFAULT now(),
  updated_at     timestamp    NOT NULL DEFAULT now(),
  is_active      boolean      NOT NULL DEFAULT true,
  assigned_at    timestamp,
  expires_at     timestamp,
  baseline_value integer,
  PRIMARY KEY (user_id, goal_id),
  CONSTRAINT check_progress_non_negative CHECK (progress >= 0),
  CONSTRAINT check_status CHECK (status IN ('not_started', 'in_progress', 'completed', 'claimed')),
  CONSTRAINT check_claimed_implies_completed CHECK (claimed_at IS NULL OR completed_at IS NOT NULL)
);

-- Columns that came with later generations of the earlier services.
ALTER TABLE user_goal_progress
  ADD COLUMN IF NOT EXISTS is_active      boolean NOT NULL DEFAULT true,
  ADD COLUMN IF NOT EXISTS assigned_at    timestamp,
  ADD COLUMN IF NOT EXISTS expires_at     timestamp,
  ADD COLUMN IF NOT EXISTS baseline_value integer;

-- (user_id, challenge_id), (user_id, is_active), (user_id) and (user_id, goal_id), whole or partial: every query of ours
-- starts from user_id, so the primary key serves them, and each further index costs every insert and every vacuum.
-- Indexes on other columns are somebody's own and stay.
DO $$
DECLARE
  covered regclass;
BEGIN
  FOR covered IN
    SELECT i.indexrelid::regclass
    FROM pg_index i
    WHERE i.indrelid = 'user_goal_progress'::regclass
      AND NOT i.indisunique
      AND i.indexprs IS NULL
      AND (SELECT array_agg(a.attname::text ORDER BY k.position)
           FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attribute, position)
           JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attribute)
        IN (ARRAY['user_id'], ARRAY['user_id', 'challenge_id'], ARRAY['user_id', 'is_active'], ARRAY['user_id', 'goal_id'])
  LOOP
    EXECUTE 'DROP INDEX ' || covered;
  END LOOP;
END
$$;

-- fillfactor 75: events rewrite rows in place of themselves (no indexed column changes), and such a heap-only update
-- needs room on the row's own page. A quarter of a page takes about 15 new versions before the page is pruned, which the
-- next reader of the page does; measured, all updates stay heap-only. Existing pages get the room as they are rewritten.
-- autovacuum: pruning does the daily work; vacuum has to keep the visibility map and the line pointers in order. At a
-- fixed 5 % (the server's default is 20 %) a table of ten million rows is visited every 500,000 dead versions instead of
-- every two million, in small steps; cost limit 1000 lets a visit finish between bursts. Statistics hardly matter: the
-- plans are pinned.
ALTER TABLE user_goal_progress SET (
  fillfactor = 75,
  autovacuum_vacuum_scale_factor = 0.05,
  autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_cost_limit = 1000,
  autovacuum_analyze_scale_factor = 0.2
);
