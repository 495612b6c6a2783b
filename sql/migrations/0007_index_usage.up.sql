-- What embedding has cost, per workflow, model and day: written by the indexers as they go.
CREATE TABLE index_usage (
    workflow_id varchar(200) NOT NULL,
    model       text         NOT NULL,
    day         date         NOT NULL,
    chunks      bigint       NOT NULL DEFAULT 0,
    tokens      bigint       NOT NULL DEFAULT 0,
    cost        numeric      NOT NULL DEFAULT 0,
    PRIMARY KEY (workflow_id, model, day)
);
COMMENT ON COLUMN index_usage.day IS 'In UTC.';
COMMENT ON COLUMN index_usage.tokens IS 'As the embedding service counted them, estimated where it does not tell.';
COMMENT ON COLUMN index_usage.cost IS 'At the price of that day (EMBEDDING_PRICE), in its currency.';
