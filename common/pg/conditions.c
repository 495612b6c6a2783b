#include "common/pg/conditions.h"

const char tb_sql_ready[] =
    " AND NOT t.is_resolved AND NOT t.is_deleted AND NOT t.is_blocked"
    " AND t.assigned_agent_id IS NULL"
    " AND b.columns @> jsonb_build_array(jsonb_build_object('id', t.status, 'category', 'open'))"
    " AND NOT EXISTS (SELECT FROM ticket_dependencies d LEFT JOIN tickets o ON o.id = d.depends_on"
    "  WHERE d.ticket_id = t.id AND d.dependency_type = 'blocks'"
    "  AND (o.id IS NULL OR NOT (o.is_resolved OR o.is_deleted)))";

const char tb_sql_unfinished[] =
    " AND NOT t.is_resolved"
    " AND NOT COALESCE(b.columns @> jsonb_build_array(jsonb_build_object("
    "'id', t.status, 'category', 'done')), false)";
