-- When the newest value that the row has taken arose, by the event's own time: an older value that arrives later is passed
-- over. Null until an event with a time has set a value; counting goals never use it. No row is rewritten.
ALTER TABLE user_goal_progress ADD COLUMN IF NOT EXISTS value_at timestamp;
