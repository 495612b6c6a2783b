#include "producer/lib/sequencer.h"

#include <stdint.h>
#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/map.h"

struct held {
    struct held *next; /* of a higher sequence */
    int64_t sequence;
    int64_t offset;
    void *payload;
};

struct subject {
    tb_str name;
    int64_t last;
    struct held *held;     /* NULL: no gap */
    int64_t since_us;      /* the gap is open */
    struct subject *older; /* neighbours among those with a gap, in the order these opened */
    struct subject *newer;
};

struct id {
    size_t hash;
    char *text; /* NULL: free place */
    size_t len;
};

struct tb_sequencer {
    struct tb_sequencer_limits limits;
    void (*drop)(void *payload);
    struct tb_arena *arena; /* subjects and the map */
    struct tb_map subjects;
    struct subject *oldest; /* gaps */
    struct subject *newest;
    size_t nheld;
    struct subject *releasing; /* its held events may be due */
    struct id *ids;            /* a ring; place is the next to be written */
    size_t place;
};

struct tb_sequencer *tb_sequencer_new(const struct tb_sequencer_limits *limits,
                                      void (*drop)(void *payload))
{
    struct tb_sequencer *s = calloc(1, sizeof *s);
    if (!s) {
        return NULL;
    }
    s->limits = *limits;
    s->limits.window += limits->window == 0;
    s->drop = drop;
    s->arena = tb_arena_new(0);
    s->ids = calloc(s->limits.window, sizeof *s->ids);
    if (!s->arena || !s->ids) {
        tb_sequencer_free(s);
        return NULL;
    }
    tb_map_init(&s->subjects, s->arena);
    return s;
}

static struct held *pop(struct tb_sequencer *s, struct subject *subject)
{
    struct held *h = subject->held;
    subject->held = h->next;
    s->nheld--;
    return h;
}

void tb_sequencer_free(struct tb_sequencer *s)
{
    if (!s) {
        return;
    }
    for (struct subject *i = s->oldest; i; i = i->newer) {
        while (i->held) {
            struct held *h = pop(s, i);
            s->drop(h->payload);
            free(h);
        }
    }
    for (size_t i = 0; s->ids && i < s->limits.window; i++) {
        free(s->ids[i].text);
    }
    free(s->ids);
    tb_arena_free(s->arena);
    free(s);
}

/* ---- subjects ---- */

static struct subject *add_subject(struct tb_sequencer *s, tb_str name, int64_t last)
{
    struct subject *subject = TB_NEW(s->arena, struct subject);
    if (!subject) {
        return NULL;
    }
    subject->name = tb_arena_str(s->arena, name);
    subject->last = last;
    return subject->name.ptr && tb_map_put(&s->subjects, subject->name, subject) ? subject : NULL;
}

int64_t tb_sequencer_last(const struct tb_sequencer *s, tb_str subject)
{
    const struct subject *found = tb_map_get(&s->subjects, subject);
    return found ? found->last : 0;
}

bool tb_sequencer_seed(struct tb_sequencer *s, tb_str subject, int64_t version)
{
    struct subject *found = tb_map_get(&s->subjects, subject);
    if (!found) {
        return s->subjects.n < s->limits.subjects_max && add_subject(s, subject, version) != NULL;
    }
    if (version > found->last) {
        found->last = version;
        s->releasing = found;
    }
    return true;
}

/* ---- gaps ---- */

static void open_gap(struct tb_sequencer *s, struct subject *subject, int64_t now_us)
{
    subject->since_us = now_us;
    subject->newer = NULL;
    subject->older = s->newest;
    if (s->newest) {
        s->newest->newer = subject;
    } else {
        s->oldest = subject;
    }
    s->newest = subject;
}

static void close_gap(struct tb_sequencer *s, struct subject *subject)
{
    if (subject->older) {
        subject->older->newer = subject->newer;
    } else {
        s->oldest = subject->newer;
    }
    if (subject->newer) {
        subject->newer->older = subject->older;
    } else {
        s->newest = subject->older;
    }
    subject->older = NULL;
    subject->newer = NULL;
}

static enum tb_sequence_verdict hold(struct tb_sequencer *s, struct subject *subject,
                                     const struct tb_sequence_offer *offer)
{
    struct held **at = &subject->held;
    while (*at && (*at)->sequence < offer->sequence) {
        at = &(*at)->next;
    }
    if (*at && (*at)->sequence == offer->sequence) {
        return TB_SEQUENCE_REPEAT;
    }
    if (s->nheld >= s->limits.held_max) {
        return TB_SEQUENCE_FULL;
    }
    struct held *h = malloc(sizeof *h);
    if (!h) {
        return TB_SEQUENCE_ENOMEM;
    }
    if (!subject->held) {
        open_gap(s, subject, offer->now_us);
    }
    *h = (struct held){.next = *at,
                       .sequence = offer->sequence,
                       .offset = offer->offset,
                       .payload = offer->payload};
    *at = h;
    s->nheld++;
    return TB_SEQUENCE_HELD;
}

void *tb_sequencer_release(struct tb_sequencer *s)
{
    struct subject *subject = s->releasing;
    while (subject && subject->held && subject->held->sequence <= subject->last + 1) {
        struct held *h = pop(s, subject);
        void *payload = h->payload;
        bool due = h->sequence == subject->last + 1;
        free(h);
        if (!subject->held) {
            close_gap(s, subject);
        }
        if (due) {
            subject->last++;
            return payload;
        }
        s->drop(payload); /* overtaken by a seed */
    }
    s->releasing = NULL;
    return NULL;
}

bool tb_sequencer_gap(const struct tb_sequencer *s, struct tb_sequence_gap *ret)
{
    const struct subject *subject = s->oldest;
    if (subject) {
        *ret = (struct tb_sequence_gap){.subject = subject->name,
                                        .missing = subject->last + 1,
                                        .found = subject->held->sequence,
                                        .since_us = subject->since_us};
    }
    return subject != NULL;
}

bool tb_sequencer_skip(struct tb_sequencer *s, tb_str subject)
{
    struct subject *found = tb_map_get(&s->subjects, subject);
    if (!found || !found->held) {
        return false;
    }
    found->last = found->held->sequence - 1;
    s->releasing = found;
    return true;
}

int64_t tb_sequencer_low(const struct tb_sequencer *s)
{
    int64_t low = INT64_MAX;
    for (const struct subject *i = s->oldest; i; i = i->newer) {
        for (const struct held *h = i->held; h; h = h->next) {
            low = h->offset < low ? h->offset : low;
        }
    }
    return low;
}

/* ---- ids ---- */

static bool seen_id(const struct tb_sequencer *s, tb_str id, size_t hash)
{
    for (size_t i = 0; i < s->limits.window; i++) {
        const struct id *known = &s->ids[i];
        if (known->hash == hash && known->text &&
            tb_str_eq((tb_str){known->text, known->len}, id)) {
            return true;
        }
    }
    return false;
}

static enum tb_sequence_verdict offer_id(struct tb_sequencer *s, tb_str id)
{
    size_t hash = tb_str_hash(id);
    if (seen_id(s, id, hash)) {
        return TB_SEQUENCE_REPEAT;
    }
    char *text = malloc(id.len + 1);
    if (!text) {
        return TB_SEQUENCE_ENOMEM;
    }
    memcpy(text, id.ptr, id.len);
    struct id *place = &s->ids[s->place];
    free(place->text);
    *place = (struct id){.hash = hash, .text = text, .len = id.len};
    s->place = (s->place + 1) % s->limits.window;
    return TB_SEQUENCE_NEXT;
}

enum tb_sequence_verdict tb_sequencer_offer(struct tb_sequencer *s,
                                            const struct tb_sequence_offer *offer)
{
    if (offer->sequence <= 0) {
        return offer_id(s, offer->id);
    }
    struct subject *subject = tb_map_get(&s->subjects, offer->subject);
    if (!subject) {
        if (s->subjects.n >= s->limits.subjects_max) {
            return TB_SEQUENCE_FULL;
        }
        return add_subject(s, offer->subject, offer->sequence) ? TB_SEQUENCE_NEXT
                                                               : TB_SEQUENCE_ENOMEM;
    }
    if (offer->sequence <= subject->last) {
        return TB_SEQUENCE_REPEAT;
    }
    if (offer->sequence > subject->last + 1) {
        return hold(s, subject, offer);
    }
    subject->last++;
    s->releasing = subject;
    return TB_SEQUENCE_NEXT;
}

/* ---- across a restart ---- */

void tb_sequencer_write(const struct tb_sequencer *s, tb_buf *out)
{
    for (size_t i = 0; i < s->subjects.n; i++) {
        const struct subject *subject = s->subjects.entries[i].value;
        tb_buf_add_c(out, "seq ");
        tb_buf_add_i64(out, subject->last);
        tb_buf_add_char(out, ' ');
        tb_buf_add_str(out, subject->name);
        tb_buf_add_char(out, '\n');
    }
    for (size_t i = 0; i < s->limits.window; i++) { /* oldest first */
        const struct id *id = &s->ids[(s->place + i) % s->limits.window];
        if (id->text) {
            tb_buf_add_c(out, "id ");
            tb_buf_add_str(out, (tb_str){id->text, id->len});
            tb_buf_add_char(out, '\n');
        }
    }
}

enum tb_rc tb_sequencer_read_line(struct tb_sequencer *s, tb_str line)
{
    if (tb_str_starts(line, "id ") && line.len > 3) {
        return offer_id(s, (tb_str){line.ptr + 3, line.len - 3}) == TB_SEQUENCE_ENOMEM ? TB_ENOMEM
                                                                                       : TB_OK;
    }
    if (!tb_str_starts(line, "seq ")) {
        return TB_EINVAL;
    }
    int64_t last = 0;
    size_t i = 4;
    for (; i < line.len && i < 4 + 18 && line.ptr[i] >= '0' && line.ptr[i] <= '9'; i++) {
        last = last * 10 + (line.ptr[i] - '0');
    }
    if (i == 4 || i + 1 >= line.len || line.ptr[i] != ' ') {
        return TB_EINVAL;
    }
    tb_str name = {line.ptr + i + 1, line.len - i - 1};
    return tb_sequencer_seed(s, name, last) ? TB_OK : TB_ENOMEM;
}
