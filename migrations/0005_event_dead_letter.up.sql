-- Events that PostgreSQL refuses to store, as they came, each with the reason. Written by the handler before it answers
-- such an event OK; read, sent again and dropped by `gauntlet events dead-letter`. Holds a bounded number of rows.
CREATE TABLE IF NOT EXISTS event_dead_letter (
  id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind            text      NOT NULL CHECK (kind IN ('login', 'statistic')),
  user_id         text      NOT NULL,
  message         bytea     NOT NULL,  -- the protobuf message of the OnMessage call
  digest          uuid      NOT NULL UNIQUE GENERATED ALWAYS AS (md5(message)::uuid) STORED,  -- one row an event, however often it fails
  reason          text      NOT NULL,  -- of the last failure
  failures        integer   NOT NULL DEFAULT 1,
  first_failed_at timestamp NOT NULL,
  last_failed_at  timestamp NOT NULL
);
