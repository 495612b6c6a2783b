DROP TABLE ticket_dependencies, ticket_commits, ticket_history, ticket_comments, tickets, board_configs;
