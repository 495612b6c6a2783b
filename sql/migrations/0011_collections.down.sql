ALTER TABLE tickets DROP COLUMN stored_at;
DROP TABLE index_collections;
