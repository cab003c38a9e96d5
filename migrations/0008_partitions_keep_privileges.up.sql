-- partition_user_goal_progress as before, but what other roles may do to user_goal_progress they may do to the table that takes its
-- place: a challenge-service with a role of its own was refused everything until its next start.
ALTER FUNCTION partition_user_goal_progress(integer) RENAME TO split_user_goal_progress;

CREATE FUNCTION partition_user_goal_progress(partitions integer) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  grants text := (
    SELECT string_agg(format('GRANT %s ON user_goal_progress TO %s', privilege_type,
                             CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END), '; ')
    FROM pg_class, aclexplode(relacl)
    WHERE oid = 'user_goal_progress'::regclass AND grantee <> relowner
  );
BEGIN
  IF NOT split_user_goal_progress(partitions) THEN
    RETURN false;
  END IF;
  IF grants IS NOT NULL THEN
    EXECUTE grants;
  END IF;
  RETURN true;
END
$$;
