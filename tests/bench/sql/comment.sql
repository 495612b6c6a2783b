\set k :k + 1
\set n :client_id * 10000000 + :k
\set i @ticket@
BEGIN;
SELECT id AS tid, version + 1 AS v, 'comment-' || gen_random_uuid() AS comment FROM tickets WHERE id = 'ticket-01990000-0000-7000-8000-' || lpad(to_hex(:i::bigint), 12, '0') FOR NO KEY UPDATE \gset
UPDATE tickets SET version = :v, updated_at = now() WHERE id = :tid;
INSERT INTO ticket_comments (id, ticket_id, agent_id, comment_text, comment_type, created_at) VALUES (:comment, :tid, 'agent-worker-3', '@comment@', 'general', now());
INSERT INTO ticket_history (ticket_id, agent_id, change_type, change_description, metadata, changed_at, version) VALUES (:tid, 'agent-worker-3', 'commented', 'general comment added', jsonb_build_object('comment_id', :comment::text), now(), :v);
INSERT INTO command_log (stable_time, source, id, body_hash, topic_partition, record_offset, subject, type, actor, outcome, rule, version, applied_at, outbox) VALUES (now(), '/bench', @id@, @hash@, :client_id, :k, :tid, 'ticket.comment', 'agent-worker-3', 'applied', 'comment.added', :v, clock_timestamp(), @outbox.comment@) ON CONFLICT DO NOTHING;
@watermark@
COMMIT;
