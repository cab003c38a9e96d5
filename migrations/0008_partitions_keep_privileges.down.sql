DROP FUNCTION partition_user_goal_progress(integer);
ALTER FUNCTION split_user_goal_progress(integer) RENAME TO partition_user_goal_progress;
