DROP TABLE IF EXISTS reward_claim;
