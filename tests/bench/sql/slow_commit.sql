-- Every commit that moves a watermark takes 5 ms more: a deferred trigger runs inside COMMIT, with all locks held, as a
-- slow disk or a synchronous standby would make it. Once per transaction, however many partitions it moves.
CREATE FUNCTION bench_slow_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('bench.delayed', true) IS DISTINCT FROM pg_current_xact_id()::text THEN
        PERFORM set_config('bench.delayed', pg_current_xact_id()::text, false);
        PERFORM pg_sleep(0.005);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER bench_slow_commit AFTER UPDATE ON partition_watermarks
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION bench_slow_commit();
