/* tb-gen FOLDER: writes schemas and reference pages into FOLDER (docs/ of the repository). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/config/config.h"
#include "common/json/dom.h"
#include "common/json/gen/gen.h"
#include "common/metrics/metrics.h"

static int failures;

static void write_file(const char *folder, const char *name, tb_str content)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    bool ok = f && fwrite(content.ptr, 1, content.len, f) == content.len;
    if (f && fclose(f) != 0) {
        ok = false;
    }
    if (!ok) {
        (void)fprintf(stderr, "tb-gen: %s: %s\n", path, strerror(errno));
        failures++;
    }
}

static void make_folder(const char *folder, const char *name)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    if (mkdir(path, 0755) != 0 && errno != EEXIST) {
        (void)fprintf(stderr, "tb-gen: %s: %s\n", path, strerror(errno));
        failures++;
    }
}

static void write_buf(const char *folder, const char *name, tb_buf *buf)
{
    if (buf->failed) {
        (void)fprintf(stderr, "tb-gen: %s: out of memory\n", name);
        failures++;
    } else {
        write_file(folder, name, tb_buf_str(buf));
    }
    tb_buf_clear(buf);
}

/* Schemas are written compact and laid out for people here. */
static void write_schema(const char *folder, const char *kind, const char *type, tb_buf *buf)
{
    char name[256];
    struct tb_dom *dom;
    struct tb_error err;
    (void)snprintf(name, sizeof name, "schemas/%s/%s.json", kind, type);
    if (buf->failed || tb_dom_parse(tb_buf_str(buf), 0, &dom, &err) != TB_OK) {
        (void)fprintf(stderr, "tb-gen: %s: %s\n", name, buf->failed ? "out of memory" : err.text);
        failures++;
        return;
    }
    tb_buf_clear(buf);
    tb_node_pretty(tb_dom_root(dom), buf);
    tb_buf_add_char(buf, '\n');
    tb_dom_free(dom);
    write_buf(folder, name, buf);
}

static void write_schemas(const char *folder, tb_buf *buf)
{
    make_folder(folder, "schemas");
    make_folder(folder, "schemas/commands");
    make_folder(folder, "schemas/events");
    for (int i = 0; i < TB_CMD_COUNT_; i++) {
        if (!tb_command_types[i].internal) {
            tb_gen_command_schema(&tb_command_types[i], buf);
            write_schema(folder, "commands", tb_command_types[i].name, buf);
        }
    }
    for (int i = 0; i < TB_EVENT_COUNT_; i++) {
        tb_gen_event_schema(&tb_event_types[i], buf);
        write_schema(folder, "events", tb_event_types[i].name, buf);
    }
    tb_gen_dead_letter_schema(buf);
    write_schema(folder, "events", "ticketbus.deadletter", buf);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: tb-gen FOLDER\n");
        return 2;
    }
    tb_buf buf;
    tb_buf_init(&buf, TB_GEN_MAX_BYTES);
    write_schemas(argv[1], &buf);
    tb_gen_asyncapi(&buf);
    write_buf(argv[1], "asyncapi.yaml", &buf);
    tb_gen_commands_page(&buf);
    write_buf(argv[1], "commands.md", &buf);
    tb_gen_events_page(&buf);
    write_buf(argv[1], "events.md", &buf);
    tb_gen_rejections_page(&buf);
    write_buf(argv[1], "rejections.md", &buf);
    tb_config_markdown(&buf);
    write_buf(argv[1], "configuration.md", &buf);
    tb_metrics_markdown(&buf);
    write_buf(argv[1], "metrics.md", &buf);
    tb_buf_dispose(&buf);
    return failures ? 1 : 0;
}
