\set k :k + 1
\set n :client_id * 10000000 + :k
\set i @ticket@
BEGIN;
SELECT id AS tid, version + 1 AS v, status AS old, started_at IS NULL AS fresh, CASE status WHEN 'todo' THEN 'in_progress' WHEN 'in_progress' THEN 'review' ELSE 'todo' END AS new FROM tickets WHERE id = 'ticket-01990000-0000-7000-8000-' || lpad(to_hex(:i::bigint), 12, '0') FOR NO KEY UPDATE \gset
\if :fresh
UPDATE tickets SET version = :v, status = :new, started_at = now(), updated_at = now() WHERE id = :tid;
INSERT INTO ticket_history (ticket_id, agent_id, change_type, field_name, old_value, new_value, change_description, changed_at, version) VALUES (:tid, 'agent-worker-3', 'status_changed', 'status', :old, :new, 'moved from ' || :old || ' to ' || :new, now(), :v), (:tid, 'agent-worker-3', 'status_changed', 'started_at', NULL, @time@, 'moved from ' || :old || ' to ' || :new, now(), :v);
\else
UPDATE tickets SET version = :v, status = :new, updated_at = now() WHERE id = :tid;
INSERT INTO ticket_history (ticket_id, agent_id, change_type, field_name, old_value, new_value, change_description, changed_at, version) VALUES (:tid, 'agent-worker-3', 'status_changed', 'status', :old, :new, 'moved from ' || :old || ' to ' || :new, now(), :v);
\endif
INSERT INTO command_log (stable_time, source, id, body_hash, topic_partition, record_offset, subject, type, actor, outcome, rule, version, applied_at, outbox) VALUES (now(), '/bench', @id@, @hash@, :client_id, :k, :tid, 'ticket.change_status', 'agent-worker-3', 'applied', 'status.moved', :v, clock_timestamp(), @outbox.status@) ON CONFLICT DO NOTHING;
@watermark@
COMMIT;
