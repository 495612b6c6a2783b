#include "gateway/stream/gate.h"

#include <stdlib.h>

enum { WAYS = 8 };

/* Places of one set, the one used last in front. */
struct place {
    uint64_t key; /* 0: free */
    int64_t last;
    int64_t gap_since; /* 0: no gap */
};

struct tb_gate {
    size_t nsets; /* a power of two */
    int64_t gap_us;
    struct place places[];
};

struct tb_gate *tb_gate_new(size_t subjects, int64_t gap_us)
{
    size_t nsets = 1;
    while (nsets * WAYS < subjects) {
        nsets *= 2;
    }
    struct tb_gate *gate = calloc(1, sizeof *gate + nsets * WAYS * sizeof(struct place));
    if (gate) {
        gate->nsets = nsets;
        gate->gap_us = gap_us;
    }
    return gate;
}

void tb_gate_free(struct tb_gate *gate)
{
    free(gate);
}

/* 64 bits told apart well enough: FNV-1a with a last mix (its low bits choose the set). */
static uint64_t hash(tb_str s, uint64_t kind)
{
    uint64_t h = 0xcbf29ce484222325U ^ kind << 40;
    for (size_t i = 0; i < s.len; i++) {
        h = (h ^ (unsigned char)s.ptr[i]) * 0x100000001b3U;
    }
    h ^= h >> 32;
    h *= 0x9e3779b97f4a7c15U;
    h ^= h >> 29;
    return h ? h : 1;
}

/* The place of key, in front of its set; *ret_known: it was there. */
static struct place *find(struct tb_gate *gate, uint64_t key, int *ret_known)
{
    struct place *set = &gate->places[(key & (gate->nsets - 1)) * WAYS];
    int at = 0;
    while (at < WAYS - 1 && set[at].key != key && set[at].key != 0) {
        at++;
    }
    *ret_known = set[at].key == key;
    struct place found = *ret_known ? set[at] : (struct place){.key = key};
    for (; at > 0; at--) {
        set[at] = set[at - 1];
    }
    set[0] = found;
    return &set[0];
}

enum tb_gate_verdict tb_gate_offer(struct tb_gate *gate, const struct tb_note *note,
                                   int64_t time_us)
{
    int known;
    if (note->sequence <= 0) {
        (void)find(gate, hash(note->id, 1), &known);
        return known ? TB_GATE_REPEAT : TB_GATE_PASS;
    }
    struct place *place = find(gate, hash(note->subject, 0), &known);
    if (known && note->sequence <= place->last) {
        return TB_GATE_REPEAT;
    }
    if (known && note->sequence > place->last + 1) {
        if (place->gap_since == 0) {
            place->gap_since = time_us;
        }
        if (time_us - place->gap_since < gate->gap_us) {
            return TB_GATE_AHEAD;
        }
    }
    place->last = note->sequence;
    place->gap_since = 0;
    return TB_GATE_PASS;
}
