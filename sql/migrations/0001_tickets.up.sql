-- Tickets and what belongs to them: every table, column and index of the ticket design (seed 000),
-- plus what the pipeline adds: version, external_id, soft delete, the open-episode flag.

CREATE TABLE board_configs (
    id                  varchar(80)  PRIMARY KEY CHECK (id LIKE 'board-%'),
    workflow_id         varchar(200) NOT NULL UNIQUE,
    name                varchar(200) NOT NULL,
    columns             jsonb        NOT NULL CHECK (jsonb_typeof(columns) = 'array'),
    ticket_types        jsonb        NOT NULL CHECK (jsonb_typeof(ticket_types) = 'array'),
    default_ticket_type varchar(50),
    initial_status      varchar(50)  NOT NULL,
    settings            jsonb        NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(settings) = 'object'),
    has_wip             boolean      NOT NULL GENERATED ALWAYS AS
        (jsonb_path_exists(columns, '$[*].wip_limit ? (@ > 0)')) STORED,
    version             bigint       NOT NULL CHECK (version > 0),
    created_at          timestamptz  NOT NULL,
    updated_at          timestamptz  NOT NULL
);
COMMENT ON TABLE board_configs IS 'One Kanban board per workflow; its columns are the allowed statuses.';
COMMENT ON COLUMN board_configs.version IS 'Number of board.updated events so far.';

CREATE TABLE tickets (
    id                    varchar(80)  PRIMARY KEY CHECK (id LIKE 'ticket-%'),
    workflow_id           varchar(200) NOT NULL,
    external_id           varchar(200),
    created_by_agent_id   varchar(200) NOT NULL,
    assigned_agent_id     varchar(200),
    title                 varchar(500) NOT NULL CHECK (title <> ''),
    description           text         NOT NULL DEFAULT '',
    ticket_type           varchar(50)  NOT NULL,
    priority              varchar(20)  NOT NULL,
    status                varchar(50)  NOT NULL,
    parent_ticket_id      varchar(80)  REFERENCES tickets (id),
    related_task_ids      jsonb        NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(related_task_ids) = 'array'),
    related_ticket_ids    jsonb        NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(related_ticket_ids) = 'array'),
    tags                  jsonb        NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(tags) = 'array'),
    blocked_by_ticket_ids jsonb        NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(blocked_by_ticket_ids) = 'array'),
    is_blocked            boolean      NOT NULL DEFAULT false,
    is_resolved           boolean      NOT NULL DEFAULT false,
    is_deleted            boolean      NOT NULL DEFAULT false,
    version               bigint       NOT NULL CHECK (version > 0),
    created_at            timestamptz  NOT NULL,
    updated_at            timestamptz  NOT NULL,
    started_at            timestamptz,
    completed_at          timestamptz,
    resolved_at           timestamptz,
    deleted_at            timestamptz,
    embedding_id          varchar(80),
    embedding             jsonb,
    CHECK (parent_ticket_id <> id),
    CHECK (is_resolved = (resolved_at IS NOT NULL)),
    CHECK (is_deleted = (deleted_at IS NOT NULL)),
    CHECK (is_blocked = (blocked_by_ticket_ids <> '[]'))
) WITH (fillfactor = 85);
COMMENT ON COLUMN tickets.version IS 'Number of sequenced events so far; the sequence of the last one.';
COMMENT ON COLUMN tickets.blocked_by_ticket_ids IS 'Blockers open as of the ticket''s last turn; ticket_dependencies is the truth.';
COMMENT ON COLUMN tickets.is_blocked IS 'A blocking episode is open: ticket.blocked was sent and ticket.unblocked was not.';
COMMENT ON COLUMN tickets.embedding_id IS 'Id of the ticket''s first point in the vector store.';
COMMENT ON COLUMN tickets.embedding IS 'Cached vector of that point, filled by the indexer without a new version.';

CREATE INDEX tickets_workflow_id_idx ON tickets (workflow_id);
CREATE INDEX tickets_status_idx ON tickets (status);
CREATE INDEX tickets_assigned_agent_id_idx ON tickets (assigned_agent_id);
CREATE INDEX tickets_ticket_type_idx ON tickets (ticket_type);
CREATE INDEX tickets_priority_idx ON tickets (priority);
CREATE INDEX tickets_created_at_idx ON tickets (created_at);
CREATE INDEX tickets_is_resolved_idx ON tickets (is_resolved);
CREATE INDEX tickets_workflow_id_status_idx ON tickets (workflow_id, status);
CREATE INDEX tickets_tags_idx ON tickets USING gin (tags jsonb_path_ops);
CREATE INDEX tickets_parent_ticket_id_idx ON tickets (parent_ticket_id) WHERE parent_ticket_id IS NOT NULL;
CREATE INDEX tickets_external_id_idx ON tickets (external_id) WHERE external_id IS NOT NULL;

CREATE TABLE ticket_comments (
    id           varchar(80)  PRIMARY KEY CHECK (id LIKE 'comment-%'),
    ticket_id    varchar(80)  NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
    agent_id     varchar(200) NOT NULL,
    comment_text text         NOT NULL,
    comment_type varchar(50)  NOT NULL DEFAULT 'general',
    mentions     jsonb        NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(mentions) = 'array'),
    attachments  jsonb        NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(attachments) = 'array'),
    created_at   timestamptz  NOT NULL,
    updated_at   timestamptz,
    is_edited    boolean      NOT NULL DEFAULT false,
    CHECK (is_edited = (updated_at IS NOT NULL))
);
CREATE INDEX ticket_comments_ticket_id_idx ON ticket_comments (ticket_id);
CREATE INDEX ticket_comments_agent_id_idx ON ticket_comments (agent_id);
-- Rows come in the order of their times: a block range index finds them and costs an insert almost nothing.
CREATE INDEX ticket_comments_created_at_idx ON ticket_comments USING brin (created_at);

CREATE TABLE ticket_history (
    id                 bigserial    PRIMARY KEY,
    ticket_id          varchar(80)  NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
    agent_id           varchar(200) NOT NULL,
    change_type        varchar(50)  NOT NULL,
    field_name         varchar(100),
    old_value          text,
    new_value          text,
    change_description text,
    metadata           jsonb,
    changed_at         timestamptz  NOT NULL,
    version            bigint       NOT NULL
);
COMMENT ON COLUMN ticket_history.version IS 'Sequence of the event that made the change.';
CREATE INDEX ticket_history_ticket_id_idx ON ticket_history (ticket_id);
CREATE INDEX ticket_history_change_type_idx ON ticket_history (change_type);
CREATE INDEX ticket_history_changed_at_idx ON ticket_history USING brin (changed_at);

CREATE TABLE ticket_commits (
    id               varchar(80)  PRIMARY KEY CHECK (id LIKE 'tc-%'),
    ticket_id        varchar(80)  NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
    agent_id         varchar(200) NOT NULL,
    commit_sha       varchar(64)  NOT NULL,
    commit_message   text,
    commit_timestamp timestamptz,
    files_changed    int CHECK (files_changed >= 0),
    insertions       int CHECK (insertions >= 0),
    deletions        int CHECK (deletions >= 0),
    files_list       jsonb        NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(files_list) = 'array'),
    linked_at        timestamptz  NOT NULL DEFAULT now(),
    link_method      varchar(50)  NOT NULL DEFAULT 'manual',
    UNIQUE (ticket_id, commit_sha)
);
CREATE INDEX ticket_commits_ticket_id_idx ON ticket_commits (ticket_id);
CREATE INDEX ticket_commits_commit_sha_idx ON ticket_commits (commit_sha);

-- No foreign key on depends_on: a blocker may be named before it is created, and blocks meanwhile.
CREATE TABLE ticket_dependencies (
    ticket_id       varchar(80) NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
    depends_on      varchar(80) NOT NULL,
    dependency_type varchar(50) NOT NULL DEFAULT 'blocks',
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (ticket_id, depends_on, dependency_type),
    CHECK (ticket_id <> depends_on)
);
CREATE INDEX ticket_dependencies_depends_on_idx ON ticket_dependencies (depends_on);
