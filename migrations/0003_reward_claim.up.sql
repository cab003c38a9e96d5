-- One row for each claim of a reward. It is committed before the platform is asked for the reward and settled after, so
-- that a crash in between is resolved with the same key instead of a second grant.
--   granting      a process is asking the platform, until lease_until at most
--   uncertain     the platform's answer is not known; to be asked again with the same key
--   granted       done: the reward was given once
--   refused       done: the platform said no, nothing was given
--   needs_review  the answer is not known and the platform cannot be asked again without the risk of giving twice
CREATE TABLE IF NOT EXISTS reward_claim (
  user_id         varchar(100) NOT NULL,
  goal_id         varchar(100) NOT NULL,
  claim_key       uuid         NOT NULL,  -- the idempotency key that the platform is given
  challenge_id    varchar(100) NOT NULL,
  namespace       varchar(100) NOT NULL,
  reward_type     varchar(20)  NOT NULL CHECK (reward_type IN ('ITEM', 'WALLET')),
  reward_id       text         NOT NULL,
  reward_quantity integer      NOT NULL,
  state           varchar(20)  NOT NULL CHECK (state IN ('granting', 'uncertain', 'granted', 'refused', 'needs_review')),
  completed_at    timestamp    NOT NULL,  -- the completion that it rewards
  opened_at       timestamp    NOT NULL,  -- becomes the row's claimed_at
  period_end      timestamp,              -- of the rotation it was opened in, where that resets the goal
  lease_until     timestamp    NOT NULL,
  attempts        integer      NOT NULL DEFAULT 1,
  settled_at      timestamp,
  reason          text,                   -- why it was refused or is uncertain
  PRIMARY KEY (user_id, goal_id, claim_key)
);

-- At most one open claim a goal, whoever races. It holds the open claims only, so recovery reads it whole.
CREATE UNIQUE INDEX IF NOT EXISTS reward_claim_open ON reward_claim (user_id, goal_id)
  WHERE state IN ('granting', 'uncertain', 'needs_review');
