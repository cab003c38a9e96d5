\set user random(1, 10000)
SELECT goal_id, progress, status, is_active, completed_at, claimed_at, assigned_at, expires_at, baseline_value, updated_at
FROM user_goal_progress WHERE user_id = 'user-' || to_char(:user::int, 'FM000000');
