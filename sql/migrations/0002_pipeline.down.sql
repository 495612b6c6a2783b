DROP FUNCTION command_log_prune(timestamptz);
DROP FUNCTION command_log_ensure(date, date);
DROP TABLE pipeline_secrets, command_attempts, parked_commands, parked_tickets, command_log, partition_watermarks;
