-- Who may speak to the gateway. Secrets are 256 random bits: their SHA-256 needs no salt.

CREATE TABLE api_tokens (
    id         varchar(80)  PRIMARY KEY CHECK (id LIKE 'token-%'),
    name       varchar(100) NOT NULL CHECK (name <> ''),
    hash       bytea        NOT NULL UNIQUE CHECK (length(hash) = 32),
    scope      text         NOT NULL CHECK (scope IN ('read', 'write', 'admin')),
    workflows  text[]       NOT NULL DEFAULT '{}',
    agent_id   varchar(200) CHECK (agent_id <> ''),
    created_at timestamptz  NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);
COMMENT ON COLUMN api_tokens.scope IS 'Each reaches what the one before it does: read, write, admin.';
COMMENT ON COLUMN api_tokens.workflows IS 'The only workflows the holder may touch; empty: all.';
COMMENT ON COLUMN api_tokens.agent_id IS 'The only agent the holder may act as; null: any.';
CREATE UNIQUE INDEX api_tokens_name_idx ON api_tokens (name) WHERE revoked_at IS NULL;

-- Sessions of browsers, opened with a token: a cookie holds a secret of its own.
CREATE TABLE api_sessions (
    hash       bytea       PRIMARY KEY CHECK (length(hash) = 32),
    token_id   varchar(80) NOT NULL REFERENCES api_tokens (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX api_sessions_token_id_idx ON api_sessions (token_id);
CREATE INDEX api_sessions_expires_at_idx ON api_sessions (expires_at);
