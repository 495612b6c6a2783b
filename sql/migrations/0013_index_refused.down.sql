DROP TABLE index_refused;
