-- The database every contender starts from: :n tickets on 20 boards, a fifth of them blocking another fifth.
-- Ticket i has the id ticket-01990000-0000-7000-8000-<i in 12 hexadecimal digits>.
\set ON_ERROR_STOP 1
SELECT command_log_ensure(current_date - 1, current_date + 2);

INSERT INTO board_configs (id, workflow_id, name, columns, ticket_types, default_ticket_type, initial_status, settings,
    version, created_at, updated_at)
SELECT 'board-01990000-0000-7000-8000-' || lpad(to_hex(w), 12, '0'), 'bench-' || w, 'Bench ' || w,
    '[{"id":"todo","name":"To do","order":0,"category":"open"},
      {"id":"in_progress","name":"In progress","order":1,"category":"active"},
      {"id":"review","name":"Review","order":2,"category":"active"},
      {"id":"done","name":"Done","order":3,"category":"done"}]'::jsonb,
    '["bug","feature","task"]', 'task', 'todo',
    '{"priorities":["critical","high","medium","low"],"default_priority":"medium",
      "require_comment_on_status_change":false,"allow_reopen":true}', 1, now(), now()
FROM generate_series(0, 19) w;

INSERT INTO tickets (id, workflow_id, created_by_agent_id, title, description, ticket_type, priority, status, tags,
    blocked_by_ticket_ids, is_blocked, version, created_at, updated_at)
SELECT 'ticket-01990000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'), 'bench-' || i % 20, 'agent-planner-' || i % 7,
    'Ticket ' || i || ' of the load that all contenders share',
    repeat('The basket loses its voucher when the customer returns from the payment page. ', 4),
    (ARRAY['bug', 'feature', 'task'])[i % 3 + 1], (ARRAY['critical', 'high', 'medium', 'low'])[i % 4 + 1], 'todo',
    jsonb_build_array('load', 'area-' || i % 50),
    CASE WHEN i / (:n / 5) = 1
        THEN jsonb_build_array('ticket-01990000-0000-7000-8000-' || lpad(to_hex(i - :n / 5), 12, '0')) ELSE '[]' END,
    i / (:n / 5) = 1, 1, now() - interval '1 day', now() - interval '1 day'
FROM generate_series(0, :n - 1) i;

INSERT INTO ticket_dependencies (ticket_id, depends_on, dependency_type, created_at)
SELECT 'ticket-01990000-0000-7000-8000-' || lpad(to_hex(i + :n / 5), 12, '0'),
    'ticket-01990000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'), 'blocks', now() - interval '1 day'
FROM generate_series(0, :n / 5 - 1) i;

INSERT INTO ticket_history (ticket_id, agent_id, change_type, change_description, changed_at, version)
SELECT id, created_by_agent_id, 'created', 'created', created_at, 1 FROM tickets ORDER BY id;

CREATE TABLE bench_floor (id bigserial PRIMARY KEY, messages bigint NOT NULL);
