DROP TRIGGER tickets_take_along ON tickets;
DROP FUNCTION tickets_take_along();
ALTER TABLE ticket_comments ADD CONSTRAINT ticket_comments_ticket_id_fkey
    FOREIGN KEY (ticket_id) REFERENCES tickets (id) ON DELETE CASCADE;
ALTER TABLE ticket_history ADD CONSTRAINT ticket_history_ticket_id_fkey
    FOREIGN KEY (ticket_id) REFERENCES tickets (id) ON DELETE CASCADE;

DROP INDEX ticket_comments_created_at_idx;
CREATE INDEX ticket_comments_created_at_idx ON ticket_comments USING brin (created_at);
CREATE INDEX ticket_comments_agent_id_idx ON ticket_comments (agent_id);
DROP INDEX ticket_history_changed_at_idx;
CREATE INDEX ticket_history_change_type_idx ON ticket_history (change_type);
CREATE INDEX ticket_history_changed_at_idx ON ticket_history USING brin (changed_at);

DROP INDEX tickets_status_idx, tickets_assigned_agent_id_idx, tickets_is_resolved_idx;
CREATE INDEX tickets_workflow_id_idx ON tickets (workflow_id);
CREATE INDEX tickets_status_idx ON tickets (status);
CREATE INDEX tickets_assigned_agent_id_idx ON tickets (assigned_agent_id);
CREATE INDEX tickets_ticket_type_idx ON tickets (ticket_type);
CREATE INDEX tickets_priority_idx ON tickets (priority);
CREATE INDEX tickets_is_resolved_idx ON tickets (is_resolved);
