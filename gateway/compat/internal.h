/* One request of the face: which of our operations it asks for, in which order, and how their
 * answers become its answer. */
#ifndef TB_GATEWAY_COMPAT_INTERNAL_H
#define TB_GATEWAY_COMPAT_INTERNAL_H

#include "common/base/json_write.h"
#include "common/json/tree.h"
#include "gateway/compat/compat.h"

#define TB_COMPAT_STEPS 3

struct tb_compat;

struct tb_compat_route {
    const char *method;
    const char *pattern;
    /* Run one after the other; TB_OP_COUNT_ ends them. The first that fails ends the request, but
     * for the last of a create (the search for similar tickets), which may. */
    enum tb_op steps[TB_COMPAT_STEPS];
    int main; /* the step whose failure fails the request */
    /* Parameters of a step. */
    void (*ask)(struct tb_compat *c, int step, struct tb_json *w);
    void (*answer)(struct tb_compat *c, struct tb_json *w);
    const char *fixed; /* instead of steps: the answer */
    int fixed_status;
};
extern const struct tb_compat_route tb_compat_routes[];

struct tb_compat {
    struct tb_gateway *gw;
    struct tb_httpd_request *req;
    struct tb_arena *arena;
    const struct tb_compat_route *route;
    const struct tb_tree *body; /* object; NULL for GET */
    struct tb_query query;
    tb_str path_value; /* of the pattern's parameter */
    tb_str agent;
    tb_str workflow; /* the default one */
    int step;
    struct tb_call call;
    struct tb_reply replies[TB_COMPAT_STEPS];
    const struct tb_tree *results[TB_COMPAT_STEPS]; /* bodies of what was done */
    int64_t started_us;
};

/* A text member of the body, null when there is none. */
tb_str tb_compat_text(const struct tb_compat *c, const char *name);
/* Copies the named members of the object that are there and not null; a NULL ends the names. */
void tb_compat_copy(struct tb_json *w, const struct tb_tree *from, const char *const *names);

#endif
