DROP TABLE index_passes;
