ALTER TABLE user_goal_progress DROP COLUMN value_at;
