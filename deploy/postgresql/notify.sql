-- Says on the channel `casbin` that rows have changed: once per transaction, when it commits.
CREATE OR REPLACE FUNCTION casbin_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('casbin', '');
  RETURN NULL;
END
$$;

DROP TRIGGER IF EXISTS casbin_changed ON casbin;
CREATE TRIGGER casbin_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON casbin
  FOR EACH STATEMENT EXECUTE FUNCTION casbin_changed();
