-- The pipeline's own state: positions, the command log (inbox and outbox in one), what waits.

-- One row per command partition. Every batch tests next_offset and owner_epoch and advances
-- next_offset in the transaction that applies the commands; published_offset follows, contiguously.
CREATE TABLE partition_watermarks (
    topic            text   NOT NULL,
    partition        int    NOT NULL,
    next_offset      bigint NOT NULL DEFAULT 0 CHECK (next_offset >= 0),
    published_offset bigint NOT NULL DEFAULT 0 CHECK (published_offset >= 0),
    owner_epoch      bigint NOT NULL DEFAULT 0,
    last_record      text,
    stalled_claims   int    NOT NULL DEFAULT 0,
    updated_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition),
    CHECK (published_offset <= next_offset)
) WITH (fillfactor = 20);
COMMENT ON COLUMN partition_watermarks.last_record IS 'Fingerprint of the record before next_offset: tells a recreated topic.';
COMMENT ON COLUMN partition_watermarks.stalled_claims IS 'Claims since next_offset last moved; many of them mean a record that kills workers.';

-- What became of every record of the commands topic, and the exact messages it led to.
-- Partitioned by the command's stable time; old partitions are dropped, never deleted from.
CREATE TABLE command_log (
    stable_time timestamptz NOT NULL,
    source      text        NOT NULL,
    id          text        NOT NULL,
    body_hash   bytea       NOT NULL,
    topic_partition int     NOT NULL,
    record_offset   bigint  NOT NULL,
    subject     text        NOT NULL,
    type        text        NOT NULL,
    actor       text        NOT NULL,
    outcome     text        NOT NULL CHECK (outcome IN
        ('applied', 'unchanged', 'rejected', 'parked', 'forwarded', 'repeat', 'dead', 'internal')),
    rule        text        NOT NULL DEFAULT '',
    code        text        NOT NULL DEFAULT '',
    message     text,
    version     bigint,
    applied_at  timestamptz NOT NULL DEFAULT now(),
    outbox      text        NOT NULL DEFAULT '',
    PRIMARY KEY (source, id, stable_time)
) PARTITION BY RANGE (stable_time);
COMMENT ON COLUMN command_log.outbox IS
    'Messages to publish, framed: kind, key length, body length, newline, key, exact body, newline.';
CREATE INDEX command_log_position_idx ON command_log (topic_partition, record_offset);
-- Holds only what no daily partition covers; pruned rows never land here.
CREATE TABLE command_log_default PARTITION OF command_log DEFAULT;

-- A parked ticket: its later commands wait, in order.
CREATE TABLE parked_tickets (
    ticket_id varchar(200) PRIMARY KEY,
    reason    text NOT NULL CHECK (reason IN ('poison', 'reference')),
    waits_for varchar(80),
    deadline  timestamptz,
    code      text NOT NULL,
    message   text NOT NULL,
    parked_at timestamptz NOT NULL,
    CHECK ((reason = 'reference') = (waits_for IS NOT NULL)),
    CHECK ((reason = 'reference') = (deadline IS NOT NULL))
);
CREATE INDEX parked_tickets_waits_for_idx ON parked_tickets (waits_for) WHERE waits_for IS NOT NULL;
CREATE INDEX parked_tickets_deadline_idx ON parked_tickets (deadline) WHERE deadline IS NOT NULL;

CREATE TABLE parked_commands (
    ticket_id       varchar(200) NOT NULL REFERENCES parked_tickets (ticket_id) ON DELETE CASCADE,
    topic_partition int          NOT NULL,
    record_offset   bigint       NOT NULL,
    source          text         NOT NULL,
    id              text         NOT NULL,
    record_time     timestamptz  NOT NULL,
    body            bytea        NOT NULL,
    PRIMARY KEY (ticket_id, record_offset, topic_partition)
);

-- Attempts at records that failed, kept across crashes, so that one record cannot kill every worker.
CREATE TABLE command_attempts (
    topic         text   NOT NULL,
    partition     int    NOT NULL,
    record_offset bigint NOT NULL,
    attempts      int    NOT NULL,
    last_error    text   NOT NULL,
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition, record_offset)
);

-- Keys shared by the workers, made here so that every worker has the same.
CREATE TABLE pipeline_secrets (
    name text PRIMARY KEY,
    key  bytea NOT NULL CHECK (length(key) >= 32),
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO pipeline_secrets (name, key)
VALUES ('internal_commands', uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));

-- Partitions of command_log for days [from_day, to_day]; those that exist are left alone.
CREATE FUNCTION command_log_ensure(from_day date, to_day date) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    day date;
    made int := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('ticketbus.command_log', 0));
    FOR day IN SELECT d::date FROM generate_series(from_day, to_day, interval '1 day') d LOOP
        IF to_regclass(format('command_log_%s', to_char(day, 'YYYYMMDD'))) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE %I PARTITION OF command_log FOR VALUES FROM (%L) TO (%L)',
                'command_log_' || to_char(day, 'YYYYMMDD'),
                day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;

-- Drops daily partitions of command_log that ended before keep_from, except those that hold a row
-- that is not published yet or a command that still waits.
CREATE FUNCTION command_log_prune(keep_from timestamptz) RETURNS int LANGUAGE plpgsql AS $$
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
