\set k :k + 1
\set n :client_id * 10000000 + :k
\set i @ticket@
BEGIN;
SELECT id AS tid, version + 1 AS v, title AS old_title, priority AS old_priority, CASE priority WHEN 'critical' THEN 'high' WHEN 'high' THEN 'medium' WHEN 'medium' THEN 'low' ELSE 'critical' END AS new_priority FROM tickets WHERE id = 'ticket-01990000-0000-7000-8000-' || lpad(to_hex(:i::bigint), 12, '0') FOR NO KEY UPDATE \gset
UPDATE tickets SET version = :v, title = 'Ticket ' || :i || ' as command ' || :n || ' names it', priority = :new_priority, updated_at = now() WHERE id = :tid;
INSERT INTO ticket_history (ticket_id, agent_id, change_type, field_name, old_value, new_value, change_description, changed_at, version) VALUES (:tid, 'agent-worker-3', 'updated', 'title', :old_title, 'Ticket ' || :i || ' as command ' || :n || ' names it', 'title, priority changed', now(), :v), (:tid, 'agent-worker-3', 'updated', 'priority', :old_priority, :new_priority, 'title, priority changed', now(), :v);
INSERT INTO command_log (stable_time, source, id, body_hash, topic_partition, record_offset, subject, type, actor, outcome, rule, version, applied_at, outbox) VALUES (now(), '/bench', @id@, @hash@, :client_id, :k, :tid, 'ticket.update', 'agent-worker-3', 'applied', 'update.fields', :v, clock_timestamp(), @outbox.update@) ON CONFLICT DO NOTHING;
@watermark@
COMMIT;
