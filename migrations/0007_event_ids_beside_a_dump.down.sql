-- The function serves earlier programs as it is; 0002's goes with its table.
SELECT 1;
