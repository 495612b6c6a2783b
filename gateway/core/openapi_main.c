/* Writes the OpenAPI document, for people to read and diff: tb-openapi FILE. Not installed. */
#include <stdio.h>
#include <stdlib.h>

#include "common/json/dom.h"
#include "gateway/core/openapi.h"

int main(int argc, char **argv)
{
    tb_buf compact;
    tb_buf pretty;
    struct tb_dom *dom = NULL;
    struct tb_error err = {.rc = TB_OK};
    tb_buf_init(&compact, (size_t)16 * 1024 * 1024);
    tb_buf_init(&pretty, (size_t)32 * 1024 * 1024);
    tb_openapi_write(&compact);
    if (argc != 2 || tb_dom_parse(tb_buf_str(&compact), 0, &dom, &err) != TB_OK) {
        (void)fprintf(stderr, "tb-openapi: %s: %s\n", err.field, err.text);
        return 1;
    }
    tb_node_pretty(tb_dom_root(dom), &pretty);
    FILE *out = fopen(argv[1], "we");
    bool fine = out && fwrite(pretty.ptr, 1, pretty.len, out) == pretty.len;
    fine = out && fputc('\n', out) != EOF && fine;
    fine = out && fclose(out) == 0 && fine;
    tb_dom_free(dom);
    tb_buf_dispose(&compact);
    tb_buf_dispose(&pretty);
    return fine ? 0 : 1;
}
