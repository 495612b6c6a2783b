-- Runs once, when the volume of the Postgres container is empty.
CREATE EXTENSION IF NOT EXISTS vector;
