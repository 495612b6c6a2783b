-- What the last pass over each collection found: it proves that index = database, and repairs it.
CREATE TABLE index_passes (
    collection  text        PRIMARY KEY,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    tickets     bigint      NOT NULL,
    points      bigint      NOT NULL,
    differences bigint      NOT NULL,
    flaws       jsonb       NOT NULL CHECK (jsonb_typeof(flaws) = 'object'),
    repaired    bigint      NOT NULL,
    embedded    bigint      NOT NULL,
    removed     bigint      NOT NULL,
    tombstones  bigint      NOT NULL
);
COMMENT ON COLUMN index_passes.repaired IS 'Tickets whose points were written anew.';
COMMENT ON COLUMN index_passes.embedded IS 'Chunks embedded for that.';
COMMENT ON COLUMN index_passes.tombstones IS 'Tombstones old enough to be removed.';
