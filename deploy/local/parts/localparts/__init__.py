"""The two Python servers of Ticketbus's local stack: a vector store and an embedding model."""
