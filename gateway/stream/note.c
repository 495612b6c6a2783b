#include "gateway/stream/note.h"

#include <stdlib.h>

#include "common/json/dom.h"
#include "common/json/event.h"

enum tb_rc tb_note_read(tb_str bytes, struct tb_arena *arena, struct tb_note *ret,
                        struct tb_error *err)
{
    struct tb_event e = {.sequence = 0};
    struct tb_dom *dom = NULL;
    enum tb_rc rc = bytes.ptr ? tb_event_decode(bytes, arena, &e, err)
                              : tb_fail(err, TB_EINVAL, "the record is empty");
    if (rc == TB_OK && !tb_str_is_null(e.data)) {
        rc = tb_dom_parse(e.data, 0, &dom, err);
    }
    if (rc != TB_OK) {
        return rc;
    }
    tb_str workflow = tb_node_str(tb_node_get(tb_dom_root(dom), "workflow_id"));
    *ret = (struct tb_note){.id = e.id,
                            .type = e.type_name,
                            .subject = e.subject,
                            .workflow = tb_arena_str(arena, workflow),
                            .sequence = e.sequence};
    tb_dom_free(dom);
    return tb_arena_failed(arena) ? tb_fail(err, TB_ENOMEM, "out of memory") : TB_OK;
}

static bool wanted(tb_strs list, tb_str value)
{
    return list.n == 0 || (!tb_str_is_null(value) && tb_strs_has(list, value));
}

bool tb_filter_match(const struct tb_filter *f, const struct tb_note *note)
{
    return wanted(f->workflows, note->workflow) && wanted(f->tickets, note->subject) &&
           wanted(f->types, note->type) && wanted(f->allowed, note->workflow);
}

static int compare(const void *a, const void *b)
{
    return tb_str_cmp(*(const tb_str *)a, *(const tb_str *)b);
}

static tb_strs copy_list(tb_strs list, struct tb_arena *arena)
{
    tb_str *items = TB_NEW_N(arena, tb_str, list.n);
    if (!items) {
        return (tb_strs){NULL, 0};
    }
    for (size_t i = 0; i < list.n; i++) {
        items[i] = tb_arena_str(arena, list.items[i]);
    }
    if (!tb_arena_failed(arena)) {
        qsort(items, list.n, sizeof *items, compare);
    }
    return (tb_strs){items, list.n};
}

struct tb_filter tb_filter_copy(const struct tb_filter *f, struct tb_arena *arena)
{
    return (struct tb_filter){.workflows = copy_list(f->workflows, arena),
                              .tickets = copy_list(f->tickets, arena),
                              .types = copy_list(f->types, arena),
                              .allowed = copy_list(f->allowed, arena)};
}

tb_str tb_filter_key(const struct tb_filter *filter, struct tb_arena *arena)
{
    struct tb_filter f = tb_filter_copy(filter, arena);
    const tb_strs lists[] = {f.workflows, f.tickets, f.types, f.allowed};
    tb_buf out;
    tb_buf_init(&out, (size_t)1 << 20);
    for (size_t i = 0; i < TB_COUNT(lists); i++) {
        for (size_t j = 0; j < lists[i].n; j++) {
            tb_buf_printf(&out, "%zu:", lists[i].items[j].len);
            tb_buf_add_str(&out, lists[i].items[j]);
        }
        tb_buf_add_char(&out, '\n');
    }
    tb_str key = tb_buf_take(&out, arena);
    tb_buf_dispose(&out);
    return key;
}

/* Names come from the topic: one with a line break would be a line of its own. */
static void add_line(tb_str text, tb_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        tb_buf_add_char(out, c == '\n' || c == '\r' ? ' ' : c);
    }
    tb_buf_add_char(out, '\n');
}

void tb_frame_write(const struct tb_note *note, tb_str bytes, tb_buf *out)
{
    tb_buf_add_c(out, "event: ");
    add_line(note->type, out);
    size_t from = 0;
    for (size_t i = 0; i <= bytes.len; i++) {
        if (i < bytes.len && bytes.ptr[i] != '\n' && bytes.ptr[i] != '\r') {
            continue;
        }
        tb_buf_add_c(out, "data: ");
        tb_buf_add(out, bytes.ptr + from, i - from);
        tb_buf_add_char(out, '\n');
        from = i + 1;
    }
    tb_buf_add_char(out, '\n');
}
