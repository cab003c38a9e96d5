-- What a batch of so many events cannot do without: its ids are entered, its rows are found by their key and changed, one commit.
\startpipeline
BEGIN;
INSERT INTO processed_event (event_day, event_id)
SELECT (now() AT TIME ZONE 'utc')::date, gen_random_uuid() FROM generate_series(1, :events::int) ON CONFLICT DO NOTHING;
UPDATE user_goal_progress AS p SET progress = e.value, status = 'in_progress', completed_at = NULL, value_at = now(), updated_at = now()
FROM (SELECT 'user-' || to_char(1 + random() * 9999, 'FM000000') AS user_id,
             'challenge-' || to_char(1 + random() * 9, 'FM000') || '-goal-01' AS goal_id, (random() * 1000)::int AS value
      FROM generate_series(1, :rows::int)) AS e
WHERE p.user_id = ANY (ARRAY[e.user_id]) AND p.goal_id = e.goal_id;
COMMIT;
\endpipeline
