CREATE OR REPLACE FUNCTION command_log_prune(keep_from timestamptz) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    part record;
    in_use boolean;
    dropped int := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('ticketbus.command_log', 0));
    FOR part IN
        SELECT c.relname AS name, to_date(right(c.relname, 8), 'YYYYMMDD') AS day
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'command_log'::regclass AND c.relname ~ '^command_log_[0-9]{8}$'
    LOOP
        CONTINUE WHEN (part.day + 1)::timestamp AT TIME ZONE 'UTC' > keep_from;
        EXECUTE format(
            'SELECT EXISTS (SELECT FROM %I l WHERE l.outcome = ''parked'')'
            ' OR EXISTS (SELECT FROM %I l JOIN partition_watermarks m'
            '  ON m.partition = l.topic_partition AND l.record_offset >= m.published_offset)',
            part.name, part.name) INTO in_use;
        IF NOT in_use THEN
            EXECUTE format('DROP TABLE %I', part.name);
            dropped := dropped + 1;
        END IF;
    END LOOP;
    RETURN dropped;
END $$;

ALTER TABLE parked_commands
    DROP CONSTRAINT parked_commands_pkey,
    DROP COLUMN queued,
    ADD PRIMARY KEY (ticket_id, record_offset, topic_partition);
ALTER TABLE partition_watermarks DROP COLUMN log_began;
