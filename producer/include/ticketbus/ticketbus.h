/* libticketbus: publish ticket commands, learn their outcomes, follow ticket events.
 *
 * Commands and events are CloudEvents on Kafka; the worker applies a command once, however often it
 * is sent. docs/orchestrators.md and docs/consumers.md show both sides at work.
 *
 * Conventions. Functions that can fail return enum ticketbus_rc and fill an optional struct
 * ticketbus_error with a sentence, and with the name of the field at fault. Texts are UTF-8 and
 * NUL-terminated; what is passed in is copied. Times are microseconds since 1970 (UTC).
 * Clients may be shared by threads; a command, an outcome or a consumer belongs to one thread at a
 * time. Settings are those of docs/configuration.md (environment, or the file named by
 * TICKETBUS_CONFIG), and any of them may be given in struct ticketbus_client_options instead. */
#ifndef TICKETBUS_TICKETBUS_H
#define TICKETBUS_TICKETBUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TICKETBUS_API __attribute__((visibility("default")))

/* ---- errors ---- */

enum ticketbus_rc {
    TICKETBUS_OK = 0,
    TICKETBUS_ENOMEM,       /* out of memory */
    TICKETBUS_ELIMIT,       /* a cap was reached; code message_too_large: could not be published */
    TICKETBUS_EINVAL,       /* not valid; field says what */
    TICKETBUS_ENOTFOUND,    /* no such topic, setting, field, ... */
    TICKETBUS_ECONFLICT,    /* not in this state; code gap: see ticketbus_consumer_next */
    TICKETBUS_ERETRY,       /* the same call may succeed later */
    TICKETBUS_EUNAVAILABLE, /* Kafka could not be reached: nothing was published */
    TICKETBUS_EUNKNOWN, /* published perhaps, or outcome not known: send the same command again */
    TICKETBUS_EDATA,    /* the broker refused this very message */
    TICKETBUS_EFATAL,   /* cannot go on: make a new client or consumer */
};

struct ticketbus_error {
    enum ticketbus_rc rc;
    char field[64]; /* field, attribute or setting at fault, "" when none */
    char code[32];  /* e.g. validation_failed, message_too_large, a Kafka error; "" when none */
    char text[512]; /* a sentence for people */
};

TICKETBUS_API const char *ticketbus_version(void);
TICKETBUS_API const char *ticketbus_rc_name(enum ticketbus_rc rc);
/* Whether what the Kafka client warns of (refused connections, retries) is written to stderr; off
 * unless asked for. Call it before any client or consumer is made. */
TICKETBUS_API void ticketbus_log_warnings(bool on);

/* ---- commands ----
 *
 * A command is built, then sent as often as need be. The first sending (or ticketbus_command_seal)
 * checks it as the worker will and fixes its bytes: from then on it cannot be changed, and sending
 * it again sends the same id and body, which takes effect once. */

struct ticketbus_command;

/* type: "ticket.create", ... as listed in docs/commands.md. subject: the ticket id, for boards the
 * workflow id; NULL on ticket.create: derived from the command's id. The id is a new UUIDv7. */
TICKETBUS_API enum ticketbus_rc ticketbus_command_new(const char *type, const char *subject,
                                                      struct ticketbus_command **ret,
                                                      struct ticketbus_error *err);
TICKETBUS_API void ticketbus_command_free(struct ticketbus_command *cmd);

/* Envelope: id, source, actor, actortype, expectedversion, correlationid, causationid, traceparent,
 * tracestate, time, or any other lower-case name for an extension attribute. What is not given
 * comes from the client (source, actor, actortype) or is left out. The outcome of a command with a
 * UUIDv7 as id is known for the whole retention; other ids count their age from `time`, so give
 * both. */
TICKETBUS_API enum ticketbus_rc ticketbus_command_attribute(struct ticketbus_command *cmd,
                                                            const char *name, const char *value,
                                                            struct ticketbus_error *err);

/* Fields of the data by name, checked against the type's table: an unknown name or the wrong kind
 * is refused here, contents when sealed. A field of a nested record is named with a dot
 * ("updates.title", "settings.allow_reopen"). "rationale" goes with every type. Setting a field
 * again replaces it. ticketbus_command_set takes the text form of any single value: numbers in
 * decimal, true or false, RFC 3339 times. */
TICKETBUS_API enum ticketbus_rc ticketbus_command_set(struct ticketbus_command *cmd,
                                                      const char *field, const char *value,
                                                      struct ticketbus_error *err);
TICKETBUS_API enum ticketbus_rc ticketbus_command_set_int(struct ticketbus_command *cmd,
                                                          const char *field, int64_t value,
                                                          struct ticketbus_error *err);
TICKETBUS_API enum ticketbus_rc ticketbus_command_set_bool(struct ticketbus_command *cmd,
                                                           const char *field, bool value,
                                                           struct ticketbus_error *err);
TICKETBUS_API enum ticketbus_rc ticketbus_command_set_time(struct ticketbus_command *cmd,
                                                           const char *field, int64_t time_us,
                                                           struct ticketbus_error *err);
/* Null where the field takes it, e.g. to take a parent away. */
TICKETBUS_API enum ticketbus_rc ticketbus_command_set_null(struct ticketbus_command *cmd,
                                                           const char *field,
                                                           struct ticketbus_error *err);
TICKETBUS_API enum ticketbus_rc ticketbus_command_set_list(struct ticketbus_command *cmd,
                                                           const char *field,
                                                           const char *const *items, size_t n,
                                                           struct ticketbus_error *err);
/* Any field as one JSON value. */
TICKETBUS_API enum ticketbus_rc ticketbus_command_set_json(struct ticketbus_command *cmd,
                                                           const char *field, const char *json,
                                                           struct ticketbus_error *err);
/* All fields at once: an object as in `data` of the wire contract. */
TICKETBUS_API enum ticketbus_rc ticketbus_command_set_data(struct ticketbus_command *cmd,
                                                           const char *json,
                                                           struct ticketbus_error *err);

/* Valid as long as the command. */
TICKETBUS_API const char *ticketbus_command_id(const struct ticketbus_command *cmd);
TICKETBUS_API const char *ticketbus_command_type(const struct ticketbus_command *cmd);
/* The ticket (or workflow) id. Of a ticket.create known at once when the id is a UUID; otherwise it
 * depends on the source too: NULL until that is given or the command is sealed. */
TICKETBUS_API const char *ticketbus_command_subject(const struct ticketbus_command *cmd);

struct ticketbus_client;
/* Checks the command and fixes its bytes. client gives what is missing (may be NULL when source and
 * actor are set). Sealing again does nothing. */
TICKETBUS_API enum ticketbus_rc ticketbus_command_seal(struct ticketbus_command *cmd,
                                                       const struct ticketbus_client *client,
                                                       struct ticketbus_error *err);
/* The bytes to be sent, NUL-terminated; NULL before sealing. */
TICKETBUS_API const char *ticketbus_command_json(const struct ticketbus_command *cmd,
                                                 size_t *ret_len);

/* One function per type, with its required fields; the optional ones are set afterwards. NULL on
 * failure. */
TICKETBUS_API struct ticketbus_command *ticketbus_create(const char *workflow_id, const char *title,
                                                         struct ticketbus_error *err);
/* Then set "updates.<field>". */
TICKETBUS_API struct ticketbus_command *ticketbus_update(const char *ticket_id,
                                                         struct ticketbus_error *err);
TICKETBUS_API struct ticketbus_command *
ticketbus_change_status(const char *ticket_id, const char *new_status, struct ticketbus_error *err);
TICKETBUS_API struct ticketbus_command *ticketbus_comment(const char *ticket_id, const char *text,
                                                          struct ticketbus_error *err);
TICKETBUS_API struct ticketbus_command *ticketbus_edit_comment(const char *ticket_id,
                                                               const char *comment_id,
                                                               const char *text,
                                                               struct ticketbus_error *err);
/* agent_id NULL: the actor. exclusive: refuse when another agent has the ticket. */
TICKETBUS_API struct ticketbus_command *ticketbus_assign(const char *ticket_id,
                                                         const char *agent_id, bool exclusive,
                                                         struct ticketbus_error *err);
TICKETBUS_API struct ticketbus_command *ticketbus_unassign(const char *ticket_id,
                                                           struct ticketbus_error *err);
TICKETBUS_API struct ticketbus_command *
ticketbus_link_commit(const char *ticket_id, const char *commit_sha, struct ticketbus_error *err);
TICKETBUS_API struct ticketbus_command *ticketbus_resolve(const char *ticket_id,
                                                          const char *resolution_comment,
                                                          struct ticketbus_error *err);
/* new_status NULL: the board's initial one. */
TICKETBUS_API struct ticketbus_command *
ticketbus_reopen(const char *ticket_id, const char *new_status, struct ticketbus_error *err);
TICKETBUS_API struct ticketbus_command *ticketbus_delete(const char *ticket_id,
                                                         struct ticketbus_error *err);
TICKETBUS_API struct ticketbus_command *ticketbus_restore(const char *ticket_id,
                                                          struct ticketbus_error *err);
TICKETBUS_API struct ticketbus_command *ticketbus_block(const char *ticket_id,
                                                        const char *const *blockers, size_t n,
                                                        struct ticketbus_error *err);
TICKETBUS_API struct ticketbus_command *ticketbus_unblock(const char *ticket_id,
                                                          const char *const *blockers, size_t n,
                                                          struct ticketbus_error *err);
struct ticketbus_dependency {
    const char *depends_on; /* ticket id */
    const char *type;       /* any but "blocks" */
};
TICKETBUS_API struct ticketbus_command *
ticketbus_link(const char *ticket_id, const struct ticketbus_dependency *dependencies, size_t n,
               struct ticketbus_error *err);
TICKETBUS_API struct ticketbus_command *
ticketbus_unlink(const char *ticket_id, const struct ticketbus_dependency *dependencies, size_t n,
                 struct ticketbus_error *err);
TICKETBUS_API struct ticketbus_command *
ticketbus_import(const char *ticket_id, const char *workflow_id, struct ticketbus_error *err);
/* board_json: the board as an object, with name, columns, ticket_types, initial_status, ... */
TICKETBUS_API struct ticketbus_command *
ticketbus_board_put(const char *workflow_id, const char *board_json, struct ticketbus_error *err);
/* For operators: a parked ticket's waiting commands. waiting_id NULL: the first. */
TICKETBUS_API struct ticketbus_command *ticketbus_replay(const char *ticket_id,
                                                         struct ticketbus_error *err);
TICKETBUS_API struct ticketbus_command *
ticketbus_drop(const char *ticket_id, const char *waiting_id, struct ticketbus_error *err);

/* ---- events ---- */

/* Made by the library; later versions may add members at the end. Texts are NULL when the event has
 * no such attribute. */
struct ticketbus_event {
    const char *type; /* "ticket.created", ..., also ones this library does not know */
    const char *id;
    const char *source;
    const char *subject; /* ticket id, of board.updated the workflow id */
    int64_t sequence;    /* version of the subject after the event; 0: changed nothing */
    int64_t time_us;     /* INT64_MIN when not given */
    const char *actor;
    const char *actor_type;
    const char *correlation_id;
    const char *causation_id;     /* the command's id */
    const char *causation_source; /* and its source */
    int causation_index;          /* place among the command's events, from 1; 0: not told */
    int causation_count;          /* how many these are */
    const char *workflow_id;
    const char *code; /* of command.rejected: why, e.g. "ticket_not_found" */
    const char *field;
    const char *message;
    const char *data; /* JSON object */
    size_t data_len;
    const char *json; /* the whole event */
    size_t json_len;
    int32_t partition;
    int64_t offset;
};

/* ---- client: publishing and outcomes ---- */

struct ticketbus_setting {
    const char *name; /* as in docs/configuration.md, e.g. "KAFKA_BROKERS" */
    const char *value;
};

struct ticketbus_client_options {
    size_t size;                              /* sizeof(struct ticketbus_client_options) */
    const char *client_id;                    /* shown to the brokers; NULL: made up */
    const struct ticketbus_setting *settings; /* these win over environment and file */
    size_t nsettings;
};

/* opt NULL: everything from the settings. Starts a thread, does not wait for Kafka. Not to be used
 * across fork(). */
TICKETBUS_API enum ticketbus_rc ticketbus_client_new(const struct ticketbus_client_options *opt,
                                                     struct ticketbus_client **ret,
                                                     struct ticketbus_error *err);
/* Drops what is not sent (ticketbus_client_flush keeps it). Callbacks still owed are called with
 * TICKETBUS_EUNKNOWN before it returns. Not from a callback. */
TICKETBUS_API void ticketbus_client_free(struct ticketbus_client *client);

/* How a message fared; called by a thread of the client, and must not block or free the client. */
struct ticketbus_delivery {
    enum ticketbus_rc rc; /* OK: the brokers have it safely */
    int32_t partition;
    int64_t offset;
    const char *text; /* what was wrong, "" when nothing */
};
typedef void ticketbus_delivery_fn(const struct ticketbus_delivery *delivery, void *arg);

/* Sends without waiting; seals the command when it is not. fn (may be NULL) is called once. Waits
 * at most TICKETBUS_WAIT_MS for room in the local queue (TICKETBUS_ERETRY after that). When it
 * returns another code than TICKETBUS_OK nothing was sent and fn is not called. */
TICKETBUS_API enum ticketbus_rc ticketbus_publish(struct ticketbus_client *client,
                                                  struct ticketbus_command *cmd,
                                                  ticketbus_delivery_fn *fn, void *arg,
                                                  struct ticketbus_error *err);
/* Sends and waits until the brokers have it. */
TICKETBUS_API enum ticketbus_rc ticketbus_send(struct ticketbus_client *client,
                                               struct ticketbus_command *cmd,
                                               struct ticketbus_error *err);
/* Waits until everything sent is acknowledged. timeout_ms negative: TICKETBUS_WAIT_MS. */
TICKETBUS_API enum ticketbus_rc ticketbus_client_flush(struct ticketbus_client *client,
                                                       int timeout_ms, struct ticketbus_error *err);

enum ticketbus_state {
    TICKETBUS_APPLIED,   /* took effect; events say how */
    TICKETBUS_UNCHANGED, /* was fine, there was nothing to change */
    TICKETBUS_REJECTED,  /* had no effect; code, field and message say why */
    TICKETBUS_PARKED,    /* waits (for a ticket it refers to, or an operator); comes later */
    TICKETBUS_PENDING,   /* not known in time; may still be applied */
};

/* What became of a command. Texts are NULL when there is nothing to say. */
struct ticketbus_outcome {
    enum ticketbus_state state;
    const char *command_id;
    const char *source;
    const char *subject;
    int64_t version; /* of the subject after the command's last event, 0 when not told */
    const char *code;
    const char *field;
    const char *message;
    const struct ticketbus_event *const *events; /* of the command, in order */
    size_t nevents;
};
TICKETBUS_API void ticketbus_outcome_free(struct ticketbus_outcome *outcome);

/* Sends and waits for the outcome: follows the command's partition of the topic of events from a
 * position taken before sending, so nothing is missed. timeout_ms negative: TICKETBUS_WAIT_MS.
 * TICKETBUS_OK: *ret tells it, a rejection too. TICKETBUS_EUNKNOWN: *ret is TICKETBUS_PENDING; send
 * the same command again, or ask `ticketctl outcome`. Other codes: *ret is NULL, nothing was
 * published. past_parked: do not stop at TICKETBUS_PARKED. */
TICKETBUS_API enum ticketbus_rc ticketbus_request(struct ticketbus_client *client,
                                                  struct ticketbus_command *cmd, int timeout_ms,
                                                  bool past_parked, struct ticketbus_outcome **ret,
                                                  struct ticketbus_error *err);

/* The same without waiting. fn is called once, by a thread of the client; the outcome (NULL when
 * nothing was published) is fn's to free. The first request for a partition waits for a position in
 * it. When another code than TICKETBUS_OK is returned, nothing was sent and fn is not called. */
typedef void ticketbus_outcome_fn(enum ticketbus_rc rc, struct ticketbus_outcome *outcome,
                                  const struct ticketbus_error *err, void *arg);
TICKETBUS_API enum ticketbus_rc ticketbus_request_async(struct ticketbus_client *client,
                                                        struct ticketbus_command *cmd,
                                                        int timeout_ms, bool past_parked,
                                                        ticketbus_outcome_fn *fn, void *arg,
                                                        struct ticketbus_error *err);

/* ---- consumer: events in order per subject, without repeats ----
 *
 * Of each subject exactly the event after the last one is handed out; repeats are dropped; on a gap
 * later ones are held until it closes. Events that change nothing (sequence 0) are handed out once
 * each, told apart by their id within a bounded window. What was seen last is kept together with
 * the position, in a checkpoint per partition: a consumer that forgets it takes an old event for
 * new. */

struct ticketbus_consumer;

enum ticketbus_start {
    TICKETBUS_FROM_BEGINNING,
    TICKETBUS_FROM_END,
};

/* Gives the checkpoint saved last for the partition in malloc'ed memory, *ret NULL when there is
 * none. */
typedef enum ticketbus_rc ticketbus_load_fn(const char *topic, int32_t partition, char **ret,
                                            size_t *ret_len, void *arg);
/* Replaces it, wholly or not at all. */
typedef enum ticketbus_rc ticketbus_save_fn(const char *topic, int32_t partition, const char *bytes,
                                            size_t len, void *arg);

struct ticketbus_consumer_options {
    size_t size;           /* sizeof(struct ticketbus_consumer_options) */
    const char *client_id; /* NULL: made up */
    const struct ticketbus_setting *settings;
    size_t nsettings;
    const char *topic; /* NULL: the topic of events of the settings */
    const char *group; /* share the partitions with others of this group; NULL: all of them */
    enum ticketbus_start start; /* of partitions without a checkpoint */
    const char *checkpoint_dir; /* one file per partition there; or the two functions */
    ticketbus_load_fn *load;
    ticketbus_save_fn *save;
    void *arg;
    /* Hand out only these; the others still count for the order. n 0: all. */
    const char *const *workflows;
    size_t nworkflows;
    const char *const *types;
    size_t ntypes;
    size_t held_max;        /* most events held behind gaps, 0: 10000 */
    int64_t gap_timeout_ms; /* a gap open longer is reported, 0: 30000 */
};

TICKETBUS_API enum ticketbus_rc ticketbus_consumer_new(const struct ticketbus_consumer_options *opt,
                                                       struct ticketbus_consumer **ret,
                                                       struct ticketbus_error *err);
/* Saves nothing. */
TICKETBUS_API void ticketbus_consumer_free(struct ticketbus_consumer *c);

/* The next event, valid until the next call; *ret NULL when none came within timeout_ms.
 *   TICKETBUS_ECONFLICT, code "gap": an event of the subject named by field did not come in time;
 *     told again until it comes or ticketbus_consumer_skip_gap is called. Others go on meanwhile.
 *   TICKETBUS_ECONFLICT, code "position": the topic no longer holds the position of the checkpoint
 *     (or was made anew): take a new snapshot, remove the checkpoint.
 *   TICKETBUS_ECONFLICT, code "revoked": the group moved partitions; what was not saved of them is
 *     handed out again, perhaps to another member. Just go on.
 *   TICKETBUS_EDATA: a message is not an event; it is passed over.
 *   TICKETBUS_EUNAVAILABLE, TICKETBUS_ERETRY: trouble with Kafka; call again. */
TICKETBUS_API enum ticketbus_rc ticketbus_consumer_next(struct ticketbus_consumer *c,
                                                        int timeout_ms,
                                                        const struct ticketbus_event **ret,
                                                        struct ticketbus_error *err);
/* Saves that everything handed out so far is done. Call it when that is so: now and then, and
 * before ending. What was handed out after the last call comes again after a restart. */
TICKETBUS_API enum ticketbus_rc ticketbus_consumer_checkpoint(struct ticketbus_consumer *c,
                                                              struct ticketbus_error *err);
/* Starting from a snapshot: the subject was seen at this version. Call it for every subject of the
 * snapshot before the first ticketbus_consumer_next; older events are then dropped. */
TICKETBUS_API enum ticketbus_rc ticketbus_consumer_seed(struct ticketbus_consumer *c,
                                                        const char *subject, int64_t version,
                                                        struct ticketbus_error *err);
/* Gives up waiting for what is missing before the held events of a subject. */
TICKETBUS_API enum ticketbus_rc ticketbus_consumer_skip_gap(struct ticketbus_consumer *c,
                                                            const char *subject,
                                                            struct ticketbus_error *err);

#ifdef __cplusplus
}
#endif

#endif
