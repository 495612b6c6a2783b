/* A small HTTP server in a thread, for clients under test: one request at a time, answered by a
 * function of the test. */
#ifndef TB_TESTS_UNIT_INDEXER_STUB_H
#define TB_TESTS_UNIT_INDEXER_STUB_H

#include <stdatomic.h>
#include <stddef.h>

#include "common/base/buf.h"

struct stub_request {
    char method[8];
    char path[256];
    char headers[4096];
    tb_str body;
};

/* Fills the answer's body and returns its status; extra (256 bytes) takes more header lines, each
 * with its CRLF. Status 0: close without an answer; -1: keep silent until the stub is stopped. */
typedef int stub_fn(const struct stub_request *request, tb_buf *body, char *extra, void *arg);

struct stub;

struct stub *stub_start(stub_fn *fn, void *arg);
void stub_stop(struct stub *s);
/* http://127.0.0.1:PORT */
const char *stub_url(const struct stub *s);
int stub_requests(const struct stub *s);

#endif
