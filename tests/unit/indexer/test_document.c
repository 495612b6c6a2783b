/* Cutting tickets into chunks: sizes, overlap, characters kept whole, stable ids and hashes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/utf8.h"
#include "indexer/core/document.h"
#include "indexer/core/tokens.h"
#include "tests/unit/indexer/check.h"

static struct tb_arena *arena;
static struct tb_embedding_model model;

static int setup(void **state)
{
    (void)state;
    arena = tb_arena_new(0);
    model = tb_embedding_model_of(TB_LIT("all-MiniLM-L6-v2"), 384, arena);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    tb_arena_free(arena);
    return 0;
}

static struct tb_document build(const char *title, tb_str description,
                                const struct tb_text_comment *comments, size_t n, size_t tokens)
{
    struct tb_recipe recipe = {.model = &model, .max_tokens = tokens};
    struct tb_ticket_text text = {.ticket_id = TB_LIT("ticket-1"),
                                  .title = tb_str_of(title),
                                  .description = description,
                                  .comments = comments,
                                  .ncomments = n};
    struct tb_document doc;
    struct tb_error err;
    assert_int_equal(tb_document_build(&text, &recipe, arena, &doc, &err), TB_OK);
    return doc;
}

static tb_str words(size_t n)
{
    tb_buf buf;
    tb_buf_init(&buf, 1 << 22);
    for (size_t i = 0; i < n; i++) {
        tb_buf_printf(&buf, "word%zu ", i);
    }
    tb_str s = tb_buf_take(&buf, arena);
    tb_buf_dispose(&buf);
    return s;
}

static void test_short_ticket_is_one_chunk(void **state)
{
    (void)state;
    struct tb_document doc = build("A title", TB_LIT("  And a text.\n"), NULL, 0, 200);
    assert_int_equal(doc.n, 2);
    assert_str(doc.chunks[0].key, "body#0");
    assert_str(doc.chunks[0].text, "A title\n\nAnd a text.");
    assert_str(doc.chunks[1].key, "title#0");
    assert_str(doc.chunks[1].text, "A title");
    assert_true(tb_str_is_null(doc.chunks[0].comment_id));
    assert_false(doc.truncated);
}

static void test_empty_description_leaves_the_title(void **state)
{
    (void)state;
    struct tb_document doc = build("Only a title", TB_LIT(""), NULL, 0, 200);
    assert_int_equal(doc.n, 1);
    assert_str(doc.chunks[0].text, "Only a title");
}

static void test_long_text_keeps_the_limit_the_title_and_every_word(void **state)
{
    (void)state;
    struct tb_document doc = build("The title", words(2000), NULL, 0, 100);
    assert_true(doc.n > 20);
    for (size_t i = 0; i < doc.n; i++) {
        assert_true(doc.chunks[i].tokens <= 100);
        assert_true(tb_str_starts(doc.chunks[i].text, "The title"));
        assert_int_equal(doc.chunks[i].number, i == doc.n - 1 ? 0 : i);
    }
    assert_str(doc.chunks[doc.n - 1].key, "title#0");
    for (size_t w = 0; w < 2000; w++) {
        char word[32];
        (void)snprintf(word, sizeof word, "word%zu", w);
        bool found = false;
        for (size_t i = 0; i < doc.n && !found; i++) {
            found = memmem(doc.chunks[i].text.ptr, doc.chunks[i].text.len, word, strlen(word));
        }
        assert_true(found);
    }
}

static void test_neighbours_overlap(void **state)
{
    (void)state;
    struct tb_document doc = build("T", words(400), NULL, 0, 100);
    for (size_t i = 1; i < doc.n - 1; i++) {
        /* The first word after the title also stands in the chunk before. */
        tb_str text = doc.chunks[i].text;
        const char *from = text.ptr + strlen("T\n\n");
        size_t len = strcspn(from, " ");
        assert_non_null(memmem(doc.chunks[i - 1].text.ptr, doc.chunks[i - 1].text.len, from, len));
    }
}

static void test_characters_are_never_cut(void **state)
{
    (void)state;
    static const char *const alphabet[] = {
        "\xc3\xa9", "\xe6\xbc\xa2", "\xf0\x9f\x90\x9b", "a", " ", "7", ".", "\n"};
    srand(7);
    for (int round = 0; round < 200; round++) {
        tb_buf buf;
        tb_buf_init(&buf, 1 << 16);
        int n = rand() % 1500;
        for (int i = 0; i < n; i++) {
            tb_buf_add_c(&buf, alphabet[(size_t)rand() % TB_COUNT(alphabet)]);
        }
        struct tb_document doc =
            build("T\xc3\xaftle", tb_buf_take(&buf, arena), NULL, 0, 16 + (size_t)rand() % 100);
        for (size_t i = 0; i < doc.n; i++) {
            assert_true(tb_utf8_valid(doc.chunks[i].text));
        }
        tb_buf_dispose(&buf);
    }
}

static void test_one_chunk_per_comment(void **state)
{
    (void)state;
    struct tb_text_comment comments[] = {{TB_LIT("comment-a"), TB_LIT("first")},
                                         {TB_LIT("comment-b"), words(300)}};
    struct tb_document doc = build("T", TB_LIT("body"), comments, 2, 100);
    assert_str(doc.chunks[2].key, "comment-a#0");
    assert_str(doc.chunks[2].text, "T\n\nfirst");
    assert_str(doc.chunks[3].key, "comment-b#0");
    assert_str(doc.chunks[4].key, "comment-b#1");
    assert_str(doc.chunks[4].comment_id, "comment-b");
}

static void test_a_new_comment_changes_no_other_chunk(void **state)
{
    (void)state;
    struct tb_text_comment comments[] = {{TB_LIT("comment-a"), TB_LIT("first")},
                                         {TB_LIT("comment-b"), TB_LIT("second")}};
    struct tb_document one = build("T", words(500), comments, 1, 100);
    struct tb_document two = build("T", words(500), comments, 2, 100);
    assert_int_equal(two.n, one.n + 1);
    for (size_t i = 0; i < one.n; i++) {
        assert_string_equal(one.chunks[i].hash, two.chunks[i].hash);
        assert_memory_equal(&one.chunks[i].point, &two.chunks[i].point, 16);
    }
    assert_string_not_equal(one.fingerprint, two.fingerprint);
}

static void test_hash_depends_on_model_and_text(void **state)
{
    (void)state;
    struct tb_document a = build("T", TB_LIT("body"), NULL, 0, 100);
    struct tb_document same = build("T", TB_LIT("body"), NULL, 0, 100);
    struct tb_document text = build("T", TB_LIT("bodY"), NULL, 0, 100);
    assert_string_equal(a.chunks[0].hash, same.chunks[0].hash);
    assert_string_equal(a.fingerprint, same.fingerprint);
    assert_string_not_equal(a.chunks[0].hash, text.chunks[0].hash);
    model = tb_embedding_model_of(TB_LIT("all-MiniLM-L6-v2"), 385, arena);
    struct tb_document dim = build("T", TB_LIT("body"), NULL, 0, 100);
    assert_string_not_equal(a.chunks[0].hash, dim.chunks[0].hash);
    assert_string_not_equal(a.fingerprint, dim.fingerprint);
}

static void test_point_ids_are_pinned(void **state)
{
    (void)state;
    /* A change of these would leave every point in every store without an owner. */
    char text[TB_UUID_TEXT_LEN + 1];
    struct tb_uuid id = tb_point_id(TB_LIT("ticket-1"), TB_LIT("body#0"), arena);
    tb_uuid_format(&id, text);
    assert_string_equal(text, "7000708a-0566-594c-9f93-907196ac3f33");
    struct tb_uuid other = tb_point_id(TB_LIT("ticket-1"), TB_LIT("body#1"), arena);
    assert_memory_not_equal(&id, &other, 16);
    struct tb_document doc = build("T", TB_LIT(""), NULL, 0, 100);
    assert_memory_equal(&doc.chunks[0].point, &id, 16);
}

static void test_huge_ticket_is_capped(void **state)
{
    (void)state;
    struct tb_document doc = build("T", words(30000), NULL, 0, 32);
    assert_int_equal(doc.n, TB_CHUNKS_MAX);
    assert_true(doc.truncated);
}

static void test_long_title_leaves_half_for_the_text(void **state)
{
    (void)state;
    tb_str title = words(200);
    char *cstr = strndup(title.ptr, title.len);
    struct tb_document doc = build(cstr, words(100), NULL, 0, 60);
    free(cstr);
    for (size_t i = 0; i < doc.n; i++) {
        assert_true(doc.chunks[i].tokens <= 60);
    }
    for (size_t i = 0; i < doc.n - 1; i++) {
        assert_non_null(memmem(doc.chunks[i].text.ptr, doc.chunks[i].text.len, "\n\n", 2));
    }
}

static void test_model_families(void **state)
{
    (void)state;
    struct {
        const char *name, *passage, *query;
    } cases[] = {
        {"intfloat/multilingual-e5-small", "passage: ", "query: "},
        {"BAAI/bge-small-en-v1.5", "", "Represent this sentence for searching relevant passages: "},
        {"BAAI/bge-m3", "", ""},
        {"nomic-embed-text", "search_document: ", "search_query: "},
        {"all-MiniLM-L6-v2", "", ""},
        {"text-embedding-3-small", "", ""},
    };
    for (size_t i = 0; i < TB_COUNT(cases); i++) {
        struct tb_embedding_model m = tb_embedding_model_of(tb_str_of(cases[i].name), 384, arena);
        assert_str(m.passage_prefix, cases[i].passage);
        assert_str(m.query_prefix, cases[i].query);
        assert_int_equal(strlen(m.fingerprint), TB_MODEL_FINGERPRINT_LEN);
    }
}

static void test_cut(void **state)
{
    (void)state;
    tb_str parts[4];
    assert_int_equal(tb_cut(TB_LIT("  "), 10, parts, 4), 0);
    assert_int_equal(tb_cut(TB_LIT(" one two "), 10, parts, 4), 1);
    assert_str(parts[0], "one two");
    tb_str text = words(300);
    assert_int_equal(tb_cut(text, 50, parts, 4), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_true(tb_tokens_estimate(parts[i]) <= 50);
        assert_true(i == 0 || parts[i].ptr >= parts[i - 1].ptr + parts[i - 1].len);
    }
}

static void test_token_estimate(void **state)
{
    (void)state;
    assert_int_equal(tb_tokens_estimate(TB_LIT("")), 0);
    assert_int_equal(tb_tokens_estimate(TB_LIT("   \n\t ")), 0);
    assert_int_equal(tb_tokens_estimate(TB_LIT("a cat")), 2);
    assert_int_equal(tb_tokens_estimate(TB_LIT("x = y;")), 4);
    assert_int_equal(tb_tokens_estimate(TB_LIT("\xe6\xbc\xa2\xe5\xad\x97")), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_short_ticket_is_one_chunk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty_description_leaves_the_title, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_text_keeps_the_limit_the_title_and_every_word,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_neighbours_overlap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_characters_are_never_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_chunk_per_comment, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_new_comment_changes_no_other_chunk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hash_depends_on_model_and_text, setup, teardown),
        cmocka_unit_test_setup_teardown(test_point_ids_are_pinned, setup, teardown),
        cmocka_unit_test_setup_teardown(test_huge_ticket_is_capped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_title_leaves_half_for_the_text, setup, teardown),
        cmocka_unit_test_setup_teardown(test_model_families, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
        cmocka_unit_test(test_token_estimate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
