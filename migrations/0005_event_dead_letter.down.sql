DROP TABLE event_dead_letter;
