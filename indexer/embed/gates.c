#include "indexer/embed/gates.h"

#include <stdlib.h>
#include <string.h>

struct tb_named_gate {
    struct tb_embed_gate gate;
    struct tb_named_gate *next;
    char *provider;
    char *url;
};

enum tb_rc tb_embed_gates_init(struct tb_embed_gates *g, struct tb_error *err)
{
    g->first = NULL;
    return pthread_mutex_init(&g->lock, NULL) == 0 ? TB_OK
                                                   : tb_fail(err, TB_ENOMEM, "out of memory");
}

static void named_free(struct tb_named_gate *named)
{
    free(named->provider);
    free(named->url);
    free(named);
}

void tb_embed_gates_dispose(struct tb_embed_gates *g)
{
    while (g->first) {
        struct tb_named_gate *named = g->first;
        g->first = named->next;
        tb_embed_gate_dispose(&named->gate);
        named_free(named);
    }
    (void)pthread_mutex_destroy(&g->lock);
}

static struct tb_named_gate *named_new(const char *provider, const char *url,
                                       const struct tb_pace_limits *limits)
{
    struct tb_named_gate *named = calloc(1, sizeof *named);
    if (!named) {
        return NULL;
    }
    named->provider = strdup(provider);
    named->url = strdup(url);
    if (!named->provider || !named->url ||
        tb_embed_gate_init(&named->gate, limits, NULL) != TB_OK) {
        named_free(named);
        return NULL;
    }
    return named;
}

enum tb_rc tb_embed_gates_find(struct tb_embed_gates *g, const char *provider, const char *url,
                               const struct tb_pace_limits *limits, struct tb_embed_gate **ret,
                               struct tb_error *err)
{
    (void)pthread_mutex_lock(&g->lock);
    struct tb_named_gate *named = g->first;
    while (named && (strcmp(named->provider, provider) != 0 || strcmp(named->url, url) != 0)) {
        named = named->next;
    }
    if (!named && (named = named_new(provider, url, limits)) != NULL) {
        named->next = g->first;
        g->first = named;
    }
    (void)pthread_mutex_unlock(&g->lock);
    if (!named) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    *ret = &named->gate;
    return TB_OK;
}
