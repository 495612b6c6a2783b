-- What the indexer knows: which version of each ticket is searchable, and the keyword projection.

-- One row per collection and ticket: while a new model's collection is being filled, the old one
-- stays as well known as before.
CREATE TABLE index_state (
    collection    text        NOT NULL,
    ticket_id     varchar(80) NOT NULL,
    version       bigint      NOT NULL CHECK (version > 0),
    recipe        text        NOT NULL,
    fingerprint   text        NOT NULL,
    chunks        int         NOT NULL CHECK (chunks >= 0),
    failed_chunks int         NOT NULL DEFAULT 0 CHECK (failed_chunks >= 0),
    chunk_hashes  jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(chunk_hashes) = 'object'),
    tokens        bigint      NOT NULL DEFAULT 0,
    is_deleted    boolean     NOT NULL DEFAULT false,
    indexed_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (collection, ticket_id)
);
COMMENT ON COLUMN index_state.version IS 'Version of the ticket that the vector store and search_documents hold.';
COMMENT ON COLUMN index_state.recipe IS 'How texts are cut into chunks: another recipe means another cut.';
COMMENT ON COLUMN index_state.fingerprint IS 'Of the ticket''s texts; the same one needs no embedding.';
COMMENT ON COLUMN index_state.chunks IS 'Points in the store; those that could not be embedded are in failed_chunks.';
COMMENT ON COLUMN index_state.chunk_hashes IS 'Chunk key to the hash of everything that made its vector.';
COMMENT ON COLUMN index_state.tokens IS 'Estimated tokens spent on this ticket so far.';
CREATE INDEX index_state_ticket_id_idx ON index_state (ticket_id);

-- The keyword leg: texts and code-like words of one ticket as of one version.
CREATE TABLE search_documents (
    ticket_id    varchar(80)  PRIMARY KEY,
    version      bigint       NOT NULL,
    workflow_id  varchar(200) NOT NULL,
    tsv          tsvector     NOT NULL,
    comments_tsv tsvector     NOT NULL,
    words        int          NOT NULL,
    comment_words int         NOT NULL,
    codes        text[]       NOT NULL DEFAULT '{}',
    comment_codes text[]      NOT NULL DEFAULT '{}'
);
COMMENT ON COLUMN search_documents.version IS 'Version at which the texts last changed.';
COMMENT ON COLUMN search_documents.words IS 'Places in tsv: the length that ranking measures frequencies by.';
COMMENT ON COLUMN search_documents.codes IS 'Error codes, file names, identifiers: lower case, whole.';
CREATE INDEX search_documents_tsv_idx ON search_documents USING gin (tsv);
CREATE INDEX search_documents_comments_tsv_idx ON search_documents USING gin (comments_tsv);
CREATE INDEX search_documents_codes_idx ON search_documents USING gin (codes);
CREATE INDEX search_documents_comment_codes_idx ON search_documents USING gin (comment_codes);
CREATE INDEX search_documents_workflow_id_idx ON search_documents (workflow_id);
