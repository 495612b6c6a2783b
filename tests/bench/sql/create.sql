\set k :k + 1
\set n :client_id * 10000000 + :k
BEGIN;
INSERT INTO tickets (id, version, workflow_id, created_by_agent_id, title, description, ticket_type, priority, status, tags, created_at, updated_at) VALUES ('ticket-' || @id@, 1, 'bench-' || :n % 20, 'agent-worker-3', 'Ticket ' || :n || ' made while the load runs', '@description@', 'bug', 'high', 'todo', jsonb_build_array('load', 'area-' || :n % 50), now(), now());
INSERT INTO ticket_history (ticket_id, agent_id, change_type, change_description, changed_at, version) VALUES ('ticket-' || @id@, 'agent-worker-3', 'created', 'created in todo', now(), 1);
INSERT INTO command_log (stable_time, source, id, body_hash, topic_partition, record_offset, subject, type, actor, outcome, rule, version, applied_at, outbox) VALUES (now(), '/bench', @id@, @hash@, :client_id, :k, 'ticket-' || @id@, 'ticket.create', 'agent-worker-3', 'applied', 'create.created', 1, clock_timestamp(), @outbox.create@) ON CONFLICT DO NOTHING;
@watermark@
COMMIT;
