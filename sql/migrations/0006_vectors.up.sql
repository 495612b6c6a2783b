-- Which vector collections live in this database, and what a search uses (TICKETBUS_STORE=pgvector).
-- The points themselves are in tables of their own per collection, made by the indexer: vectors have
-- as many dimensions as the model, and the type of pgvector need not exist where Qdrant is used.

CREATE TABLE vector_collections (
    name       text        PRIMARY KEY,
    number     int         GENERATED ALWAYS AS IDENTITY UNIQUE,
    dim        int         NOT NULL CHECK (dim > 0),
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN vector_collections.number IS 'N of the tables vector_points_N and vectors_N.';

CREATE TABLE vector_aliases (
    alias      text PRIMARY KEY,
    collection text NOT NULL REFERENCES vector_collections (name)
);
