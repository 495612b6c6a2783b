"""The part of Qdrant's REST API that Ticketbus uses, served from Qdrant's own storage engine."""
