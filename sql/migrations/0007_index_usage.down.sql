DROP TABLE index_usage;
