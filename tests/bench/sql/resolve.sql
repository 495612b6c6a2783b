\set k :k + 1
\set n :client_id * 10000000 + :k
\set r :r + 1
\set i ((:r * 32 + :client_id) * 7919) % @rooms@
\set j :i + @rooms@
BEGIN;
SELECT id AS tid, version + 2 AS v, version + 1 AS v1, status AS old, 'comment-' || gen_random_uuid() AS comment FROM tickets WHERE id = 'ticket-01990000-0000-7000-8000-' || lpad(to_hex(:i::bigint), 12, '0') FOR NO KEY UPDATE \gset
UPDATE tickets SET version = :v, status = 'done', is_resolved = true, completed_at = now(), resolved_at = now(), updated_at = now() WHERE id = :tid;
INSERT INTO ticket_comments (id, ticket_id, agent_id, comment_text, comment_type, created_at) VALUES (:comment, :tid, 'agent-worker-3', '@resolution@', 'resolution', now());
INSERT INTO ticket_history (ticket_id, agent_id, change_type, field_name, old_value, new_value, change_description, changed_at, version, metadata) VALUES (:tid, 'agent-worker-3', 'resolved', 'status', :old, 'done', 'resolved', now(), :v1, NULL), (:tid, 'agent-worker-3', 'resolved', 'is_resolved', 'false', 'true', 'resolved', now(), :v1, NULL), (:tid, 'agent-worker-3', 'resolved', 'completed_at', NULL, @time@, 'resolved', now(), :v1, NULL), (:tid, 'agent-worker-3', 'resolved', 'resolved_at', NULL, @time@, 'resolved', now(), :v1, NULL), (:tid, 'agent-worker-3', 'commented', NULL, NULL, NULL, 'resolution comment added', now(), :v, jsonb_build_object('comment_id', :comment::text));
INSERT INTO command_log (stable_time, source, id, body_hash, topic_partition, record_offset, subject, type, actor, outcome, rule, version, applied_at, outbox) VALUES (now(), '/bench', @id@, @hash@, :client_id, :k, :tid, 'ticket.resolve', 'agent-worker-3', 'applied', 'resolve.resolved_now', :v, clock_timestamp(), @outbox.resolve@) ON CONFLICT DO NOTHING;
SELECT id AS did, version + 1 AS w FROM tickets WHERE id = (SELECT d.ticket_id FROM ticket_dependencies d WHERE d.depends_on = :tid) FOR NO KEY UPDATE \gset
UPDATE tickets SET version = :w, is_blocked = false, blocked_by_ticket_ids = '[]', updated_at = now() WHERE id = :did;
INSERT INTO ticket_history (ticket_id, agent_id, change_type, field_name, old_value, new_value, change_description, changed_at, version) VALUES (:did, 'ticketbus', 'unblocked', 'blocked_by_ticket_ids', '["' || :tid || '"]', '[]', 'waits for no other ticket', now(), :w), (:did, 'ticketbus', 'unblocked', 'is_blocked', 'true', 'false', 'waits for no other ticket', now(), :w);
INSERT INTO command_log (stable_time, source, id, body_hash, topic_partition, record_offset, subject, type, actor, outcome, rule, version, applied_at, outbox) VALUES (now(), '/ticketbus/worker', 'internal-' || gen_random_uuid(), @hash@, :client_id, :k, :did, 'ticket.recheck', 'ticketbus', 'applied', 'recheck.unblock', :w, clock_timestamp(), @outbox.recheck@) ON CONFLICT DO NOTHING;
@watermark@
COMMIT;
