-- Vectors hardly shrink: trying to compress one took Postgres longer than storing it.
ALTER TABLE tickets ALTER COLUMN embedding SET STORAGE EXTERNAL;
