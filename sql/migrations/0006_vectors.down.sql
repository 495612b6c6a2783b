DO $$
DECLARE n int;
BEGIN
    FOR n IN SELECT number FROM vector_collections LOOP
        EXECUTE format('DROP TABLE IF EXISTS %I, %I', 'vectors_' || n, 'vector_points_' || n);
    END LOOP;
END $$;
DROP TABLE vector_aliases, vector_collections;
