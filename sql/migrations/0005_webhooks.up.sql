-- Outbound webhooks: who is to be told of which events, and how far that has come.

CREATE TABLE webhooks (
    id             varchar(80)  PRIMARY KEY,
    url            varchar(2000) NOT NULL,
    description    varchar(500) NOT NULL DEFAULT '',
    workflow_ids   text[]       NOT NULL DEFAULT '{}',
    ticket_ids     text[]       NOT NULL DEFAULT '{}',
    event_types    text[]       NOT NULL DEFAULT '{}',
    allowed_workflow_ids text[] NOT NULL DEFAULT '{}',
    secret         bytea        NOT NULL CHECK (length(secret) BETWEEN 24 AND 64),
    old_secret     bytea,
    old_secret_until timestamptz,
    max_parallel   int          NOT NULL DEFAULT 4 CHECK (max_parallel BETWEEN 1 AND 64),
    max_per_second int          NOT NULL DEFAULT 50 CHECK (max_per_second BETWEEN 1 AND 10000),
    status         text         NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused')),
    paused_reason  text,
    paused_at      timestamptz,
    failing_since  timestamptz,
    not_before     timestamptz,
    created_at     timestamptz  NOT NULL DEFAULT now(),
    created_by     varchar(200) NOT NULL,
    updated_at     timestamptz  NOT NULL DEFAULT now(),
    CHECK ((status = 'paused') = (paused_reason IS NOT NULL)),
    CHECK ((old_secret IS NULL) = (old_secret_until IS NULL))
);
COMMENT ON COLUMN webhooks.allowed_workflow_ids IS 'What the token that made it may read; empty: everything.';
COMMENT ON COLUMN webhooks.secret IS 'Signs; has to be kept as it is.';
COMMENT ON COLUMN webhooks.failing_since IS 'First failure since the last success; null while it goes well.';
COMMENT ON COLUMN webhooks.not_before IS 'The target asked for a pause (Retry-After).';

-- One row for each event and webhook it concerns. The id follows from both, so that an event that
-- is read twice is one delivery.
CREATE TABLE webhook_deliveries (
    id             varchar(80)  PRIMARY KEY,
    webhook_id     varchar(80)  NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event_id       text         NOT NULL,
    event_type     text         NOT NULL,
    subject        text         NOT NULL,
    topic_partition int         NOT NULL,
    record_offset  bigint       NOT NULL,
    payload        text         NOT NULL,
    status         text         NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'dead')),
    attempts       int          NOT NULL DEFAULT 0,
    step           int          NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    owner          text,
    owned_until    timestamptz,
    last_status    int,
    last_error     text,
    created_at     timestamptz  NOT NULL DEFAULT now(),
    ended_at       timestamptz,
    CHECK ((status = 'pending') = (ended_at IS NULL))
);
COMMENT ON COLUMN webhook_deliveries.payload IS 'The event exactly as it was on the topic.';
COMMENT ON COLUMN webhook_deliveries.step IS 'Place in the schedule of retries; starts again when redriven, attempts do not.';
COMMENT ON COLUMN webhook_deliveries.owner IS 'Dispatcher that is sending it, until owned_until at most.';
CREATE INDEX webhook_deliveries_due_idx ON webhook_deliveries (webhook_id, next_attempt_at)
    WHERE status = 'pending';
CREATE INDEX webhook_deliveries_order_idx ON webhook_deliveries (webhook_id, subject, record_offset)
    WHERE status = 'pending';
CREATE INDEX webhook_deliveries_list_idx ON webhook_deliveries (webhook_id, created_at DESC, id);
CREATE INDEX webhook_deliveries_ended_idx ON webhook_deliveries (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE webhook_attempts (
    delivery_id varchar(80) NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
    attempt     int         NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    took_ms     int         NOT NULL,
    status      int         NOT NULL,
    error       text        NOT NULL DEFAULT '',
    PRIMARY KEY (delivery_id, attempt)
);
COMMENT ON COLUMN webhook_attempts.status IS 'Of the HTTP answer; 0: there was none, error says why.';
