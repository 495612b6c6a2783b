-- What the indexer knows: which version of each ticket is searchable, and the keyword projection.

CREATE TABLE index_state (
    ticket_id   varchar(80) PRIMARY KEY,
    version     bigint      NOT NULL CHECK (version > 0),
    collection  text        NOT NULL,
    fingerprint text        NOT NULL,
    chunks      int         NOT NULL CHECK (chunks >= 0),
    chunk_hashes jsonb      NOT NULL DEFAULT '{}',
    tokens      bigint      NOT NULL DEFAULT 0,
    is_deleted  boolean     NOT NULL DEFAULT false,
    indexed_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN index_state.version IS 'Version of the ticket that the vector store and search_documents hold.';

-- The keyword leg: title, description and comments of one ticket as of one version.
CREATE TABLE search_documents (
    ticket_id   varchar(80) PRIMARY KEY,
    version     bigint      NOT NULL,
    workflow_id varchar(200) NOT NULL,
    tsv         tsvector    NOT NULL,
    comments_tsv tsvector   NOT NULL
);
CREATE INDEX search_documents_tsv_idx ON search_documents USING gin (tsv);
CREATE INDEX search_documents_comments_tsv_idx ON search_documents USING gin (comments_tsv);
CREATE INDEX search_documents_workflow_id_idx ON search_documents (workflow_id);
