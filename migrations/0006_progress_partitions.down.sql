DROP FUNCTION partition_user_goal_progress(integer);
