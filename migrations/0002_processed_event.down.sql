DROP FUNCTION maintain_processed_event(integer);
DROP TABLE processed_event;
