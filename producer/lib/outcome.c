/* What became of a command, gathered from its events. Pure. */
#include <stdlib.h>

#include "common/model/event.h"
#include "producer/lib/client.h"

static char *append(char *at, tb_str s, const char **ret)
{
    memcpy(at, s.ptr, s.len);
    at[s.len] = '\0';
    *ret = at;
    return at + s.len + 1;
}

bool tb_lib_gathering_init(struct ticketbus_gathering *g, const struct ticketbus_command *cmd,
                           bool past_parked)
{
    *g = (struct ticketbus_gathering){.past_parked = past_parked};
    g->texts = malloc(cmd->id.len + cmd->source.len + cmd->subject.len + 3);
    if (!g->texts) {
        return false;
    }
    char *at = append(g->texts, cmd->id, &g->command_id);
    at = append(at, cmd->source, &g->source);
    (void)append(at, cmd->subject, &g->subject);
    return true;
}

void tb_lib_gathering_dispose(struct ticketbus_gathering *g)
{
    for (size_t i = 0; i < g->nevents; i++) {
        free(g->events[i]);
    }
    free(g->events);
    free(g->texts);
    *g = (struct ticketbus_gathering){0};
}

bool tb_lib_gathering_wants(const struct ticketbus_gathering *g,
                            const struct ticketbus_event *event)
{
    return event->causation_id && strcmp(event->causation_id, g->command_id) == 0 &&
           (!event->causation_source || strcmp(event->causation_source, g->source) == 0);
}

static bool is_kind(const struct ticketbus_event *event, enum tb_event_kind kind)
{
    return strcmp(event->type, tb_event_types[kind].name) == 0;
}

static bool has(const struct ticketbus_gathering *g, const struct ticketbus_event *event)
{
    for (size_t i = 0; i < g->nevents; i++) {
        if (strcmp(g->events[i]->id, event->id) == 0) {
            return true;
        }
    }
    return false;
}

static bool insert(struct ticketbus_gathering *g, struct ticketbus_event *event)
{
    if (g->nevents == g->room) {
        size_t room = g->room ? g->room * 2 : 4;
        struct ticketbus_event **events =
            realloc(g->events, room * sizeof(struct ticketbus_event *));
        if (!events) {
            return false;
        }
        g->events = events;
        g->room = room;
    }
    size_t i = g->nevents++;
    for (; i > 0 && g->events[i - 1]->causation_index > event->causation_index; i--) {
        g->events[i] = g->events[i - 1];
    }
    g->events[i] = event;
    return true;
}

bool tb_lib_gathering_add(struct ticketbus_gathering *g, struct ticketbus_event *event,
                          bool *ret_done, enum ticketbus_state *ret_state)
{
    *ret_done = false;
    bool parked = is_kind(event, TB_EVENT_PARKED);
    if (has(g, event) || (parked && g->past_parked)) {
        free(event);
        return true;
    }
    if (!insert(g, event)) {
        free(event);
        return false;
    }
    *ret_state = TICKETBUS_APPLIED;
    if (is_kind(event, TB_EVENT_REJECTED)) {
        *ret_state = TICKETBUS_REJECTED;
    } else if (is_kind(event, TB_EVENT_UNCHANGED)) {
        *ret_state = TICKETBUS_UNCHANGED;
    } else if (parked) {
        *ret_state = TICKETBUS_PARKED;
    }
    *ret_done = *ret_state != TICKETBUS_APPLIED || event->causation_count == 0 ||
                g->nevents >= (size_t)event->causation_count;
    return true;
}

/* The public part first, so that one pointer is the other. */
struct outcome {
    struct ticketbus_outcome public;
    char *texts;
    struct ticketbus_event **events;
    size_t nevents;
};

struct ticketbus_outcome *tb_lib_gathering_finish(struct ticketbus_gathering *g,
                                                  enum ticketbus_state state)
{
    struct outcome *o = calloc(1, sizeof *o);
    if (!o) {
        return NULL;
    }
    o->texts = g->texts;
    o->events = g->events;
    o->nevents = g->nevents;
    o->public = (struct ticketbus_outcome){
        .state = state,
        .command_id = g->command_id,
        .source = g->source,
        .subject = g->subject,
        .events = (const struct ticketbus_event *const *)g->events,
        .nevents = g->nevents,
    };
    for (size_t i = 0; i < g->nevents; i++) {
        const struct ticketbus_event *e = g->events[i];
        if (e->sequence > o->public.version) {
            o->public.version = e->sequence;
        }
        if (!e->sequence) {
            o->public.code = e->code;
            o->public.field = e->field;
            o->public.message = e->message;
        }
    }
    *g = (struct ticketbus_gathering){0};
    return &o->public;
}

void ticketbus_outcome_free(struct ticketbus_outcome *outcome)
{
    if (!outcome) {
        return;
    }
    struct outcome *o = (struct outcome *)outcome;
    for (size_t i = 0; i < o->nevents; i++) {
        free(o->events[i]);
    }
    free(o->events);
    free(o->texts);
    free(o);
}
