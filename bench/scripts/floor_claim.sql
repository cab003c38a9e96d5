-- A claim's two commits: the claim is opened for a completed row, then row and claim are settled.
\set user random(1, 10000)
\set challenge random(1, 10)
\startpipeline
BEGIN;
INSERT INTO reward_claim AS c (user_id, goal_id, claim_key, challenge_id, namespace, reward_type, reward_id, reward_quantity, state,
                               completed_at, opened_at, lease_until)
SELECT p.user_id, p.goal_id, gen_random_uuid(), p.challenge_id, p.namespace, 'ITEM', 'reward', 1, 'granting', p.completed_at, now(), now()
FROM user_goal_progress AS p
WHERE p.user_id = 'user-' || to_char(:user::int, 'FM000000') AND p.goal_id = 'challenge-' || to_char(:challenge::int, 'FM000') || '-goal-01'
  AND p.completed_at IS NOT NULL
FOR UPDATE OF p
ON CONFLICT (user_id, goal_id) WHERE state IN ('granting', 'uncertain', 'needs_review') DO NOTHING;
COMMIT;
\endpipeline
\startpipeline
BEGIN;
UPDATE user_goal_progress SET status = 'claimed', claimed_at = now(), updated_at = now()
WHERE user_id = 'user-' || to_char(:user::int, 'FM000000') AND goal_id = 'challenge-' || to_char(:challenge::int, 'FM000') || '-goal-01';
UPDATE reward_claim SET state = 'granted', settled_at = now()
WHERE user_id = 'user-' || to_char(:user::int, 'FM000000') AND goal_id = 'challenge-' || to_char(:challenge::int, 'FM000') || '-goal-01'
  AND state = 'granting';
COMMIT;
\endpipeline
