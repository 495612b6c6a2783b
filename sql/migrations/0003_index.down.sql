DROP TABLE search_documents, index_state;
