#include "tests/unit/json/kit.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/uuid.h"

tb_str kit_json(struct tb_arena *arena, const char *fmt, ...)
{
    char text[8192];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    assert_true(n >= 0 && (size_t)n < sizeof text);
    for (int i = 0; i < n; i++) {
        text[i] = text[i] == '\'' ? '"' : text[i];
    }
    tb_str s = tb_arena_str(arena, (tb_str){text, (size_t)n});
    assert_non_null(s.ptr);
    return s;
}

void kit_assert_str(tb_str got, const char *want)
{
    if (!tb_str_eq_c(got, want)) {
        fail_msg("got \"%.*s\", want \"%s\"", TB_ARG(got), want ? want : "(null)");
    }
}

tb_str kit_command(struct tb_arena *arena, const char *type, const char *more, const char *data)
{
    return kit_json(arena,
                    "{'specversion':'1.0','id':'c-1','source':'/tests','type':'%s',"
                    "'subject':'" KIT_TICKET "','actor':'agent-1'%s%s,'data':%s}",
                    type, *more ? "," : "", more, data);
}

uint32_t kit_next(struct kit_random *r)
{
    /* xorshift64* */
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return (uint32_t)((r->state * UINT64_C(2685821657736338717)) >> 32);
}

uint32_t kit_below(struct kit_random *r, uint32_t n)
{
    return n ? kit_next(r) % n : 0;
}

static tb_str must(tb_str s)
{
    assert_non_null(s.ptr);
    return s;
}

/* min..max characters, of one to four bytes; id: no blanks or control characters. */
static tb_str random_text(struct kit_random *r, struct tb_arena *arena, int64_t min, int64_t max,
                          bool id)
{
    static const char *const plain[] = {"a", "Z", "7", "-", "é", "Ж", "あ", "😀", "/", ":"};
    static const char *const rough[] = {" ", "\n", "\"", "\\", "\t", "\x01", "\x7f", "'"};
    int64_t span = max - min < 12 ? max - min : 12;
    int64_t n = min + kit_below(r, (uint32_t)span + 1);
    if (kit_below(r, 50) == 0 && max <= 5000) {
        n = max;
    }
    tb_buf buf;
    tb_buf_init(&buf, 1 << 20);
    for (int64_t i = 0; i < n; i++) {
        bool is_rough = !id && kit_below(r, 4) == 0;
        tb_buf_add_c(&buf, is_rough ? rough[kit_below(r, TB_COUNT(rough))]
                                    : plain[kit_below(r, TB_COUNT(plain))]);
    }
    tb_str s = must(tb_arena_str(arena, tb_buf_str(&buf)));
    tb_buf_dispose(&buf);
    return s;
}

static tb_str random_id(struct kit_random *r, struct tb_arena *arena, const char *prefix)
{
    struct tb_uuid uuid;
    for (size_t i = 0; i < sizeof uuid.bytes; i++) {
        uuid.bytes[i] = (unsigned char)kit_next(r);
    }
    char text[TB_UUID_TEXT_LEN + 1];
    tb_uuid_format(&uuid, text);
    return must(tb_arena_printf(arena, "%s%s", prefix, text));
}

static tb_strs random_strings(const struct tb_field *f, struct kit_random *r,
                              struct tb_arena *arena)
{
    uint32_t n = kit_below(r, f->max_items < 6 ? (uint32_t)f->max_items + 1 : 6);
    if (kit_below(r, 40) == 0 && f->max_items <= 100) {
        n = (uint32_t)f->max_items;
    }
    tb_str *items = TB_NEW_N(arena, tb_str, n);
    assert_non_null(items);
    uint32_t made = 0;
    for (uint32_t i = 0; i < n; i++) {
        tb_str s = f->kind == TB_KIND_TICKET_IDS ? random_id(r, arena, "ticket-")
                                                 : random_text(r, arena, f->min, f->max, false);
        tb_strs list = {items, made};
        if (!tb_strs_has(list, s)) {
            items[made++] = s;
        }
    }
    return (tb_strs){items, made};
}

static struct tb_strings_map random_map(const struct tb_field *f, struct kit_random *r,
                                        struct tb_arena *arena)
{
    struct tb_field keys_of = *f;
    keys_of.kind = TB_KIND_STRINGS;
    tb_strs keys = random_strings(&keys_of, r, arena);
    tb_strs *values = TB_NEW_N(arena, tb_strs, keys.n);
    assert_non_null(values);
    for (size_t i = 0; i < keys.n; i++) {
        values[i] = random_strings(&keys_of, r, arena);
    }
    return (struct tb_strings_map){keys.items, values, keys.n};
}

static void fill(const struct tb_record *rec, struct kit_random *r, struct tb_arena *arena,
                 char *to);

static void fill_value(const struct tb_field *f, struct kit_random *r, struct tb_arena *arena,
                       void *to)
{
    size_t n = 0;
    switch (f->kind) {
    case TB_KIND_STRING:
    case TB_KIND_ID:
        *(tb_str *)to = random_text(r, arena, f->min, f->max, f->kind == TB_KIND_ID);
        return;
    case TB_KIND_TICKET_ID:
        *(tb_str *)to = random_id(r, arena, "ticket-");
        return;
    case TB_KIND_COMMENT_ID:
        *(tb_str *)to = random_id(r, arena, "comment-");
        return;
    case TB_KIND_ENUM:
        while (f->choices[n]) {
            n++;
        }
        *(tb_str *)to = tb_str_of(f->choices[kit_below(r, (uint32_t)n)]);
        return;
    case TB_KIND_BOOL:
        *(bool *)to = kit_below(r, 2);
        return;
    case TB_KIND_INT:
        *(int64_t *)to = f->min + kit_below(r, (uint32_t)(f->max - f->min));
        return;
    case TB_KIND_TIME:
        *(int64_t *)to = ((int64_t)kit_next(r) << 20) + kit_next(r);
        return;
    case TB_KIND_STRINGS:
    case TB_KIND_TICKET_IDS:
        *(tb_strs *)to = random_strings(f, r, arena);
        return;
    case TB_KIND_RECORD:
        fill(f->record, r, arena, to);
        return;
    case TB_KIND_RECORDS: {
        n = kit_below(r, 4);
        char *items = tb_arena_array(arena, n, f->record->size);
        assert_non_null(items);
        for (size_t i = 0; i < n; i++) {
            fill(f->record, r, arena, items + i * f->record->size);
        }
        *(struct tb_records *)to = (struct tb_records){items, n};
        return;
    }
    case TB_KIND_STRINGS_MAP:
        *(struct tb_strings_map *)to = random_map(f, r, arena);
        return;
    }
}

static void fill(const struct tb_record *rec, struct kit_random *r, struct tb_arena *arena,
                 char *to)
{
    struct tb_present *p = (struct tb_present *)(void *)to;
    for (unsigned i = 0; i < rec->nfields; i++) {
        const struct tb_field *f = &rec->fields[i];
        if (!(f->flags & TB_REQUIRED) && kit_below(r, 2)) {
            continue;
        }
        if ((f->flags & TB_NULLABLE) && kit_below(r, 4) == 0) {
            tb_mark_null(p, i);
            continue;
        }
        tb_mark(p, i);
        fill_value(f, r, arena, to + f->offset);
    }
}

void *kit_random_record(const struct tb_record *rec, struct kit_random *r, struct tb_arena *arena)
{
    void *data = tb_arena_alloc(arena, rec->size);
    assert_non_null(data);
    fill(rec, r, arena, data);
    return data;
}

tb_str kit_file(struct tb_arena *arena, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        fail_msg("%s is not there", path);
    }
    tb_buf buf;
    tb_buf_init(&buf, 1 << 24);
    char piece[4096];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, f)) > 0) {
        tb_buf_add(&buf, piece, n);
    }
    (void)fclose(f);
    tb_str s = must(tb_arena_str(arena, tb_buf_str(&buf)));
    tb_buf_dispose(&buf);
    return s;
}
