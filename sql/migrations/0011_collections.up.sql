-- Which collections of vectors there are, which model made each, and which one is searched.
CREATE TABLE index_collections (
    store          text        NOT NULL CHECK (store IN ('qdrant', 'pgvector')),
    alias          text        NOT NULL,
    name           text        NOT NULL,
    state          text        NOT NULL CHECK (state IN ('filling', 'active', 'retired')),
    model          text        NOT NULL,
    dim            int         NOT NULL CHECK (dim > 0),
    passage_prefix text        NOT NULL,
    query_prefix   text        NOT NULL,
    url            text        NOT NULL,
    provider       text        NOT NULL,
    max_tokens     int         NOT NULL CHECK (max_tokens > 0),
    since          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (store, name)
);
COMMENT ON TABLE index_collections IS 'The one truth about which collection answers searches: a query is embedded by its model.';
COMMENT ON COLUMN index_collections.state IS 'filling: written by a reindex; active: written and searched; retired: kept as it was.';
COMMENT ON COLUMN index_collections.url IS 'Where the model was served; EMBEDDING_URL wins where EMBEDDING_MODEL is this model.';
COMMENT ON COLUMN index_collections.since IS 'When it got into its state.';
CREATE UNIQUE INDEX index_collections_active_idx ON index_collections (store, alias) WHERE state = 'active';
CREATE UNIQUE INDEX index_collections_filling_idx ON index_collections (store, alias) WHERE state = 'filling';

-- When a ticket came into the database: imports tell of older times.
ALTER TABLE tickets ADD COLUMN stored_at timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN tickets.stored_at IS 'When the row was made; since then a ticket that is not indexed waits for it.';
