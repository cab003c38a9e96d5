DROP TABLE user_goal_progress;
