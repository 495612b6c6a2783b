-- Tickets that the vector store or Postgres refused to take into the index, as of one version: each was dead-lettered,
-- and is not tried and dead-lettered again and again.
CREATE TABLE index_refused (
    collection text        NOT NULL,
    ticket_id  varchar(80) NOT NULL,
    version    bigint      NOT NULL CHECK (version > 0),
    recipe     text        NOT NULL,
    stage      text        NOT NULL CHECK (stage IN ('store', 'database')),
    refused_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (collection, ticket_id)
);
COMMENT ON TABLE index_refused IS 'A row whose version index_state has reached meanwhile says nothing any more.';
