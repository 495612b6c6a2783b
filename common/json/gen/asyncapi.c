/* docs/asyncapi.yaml: the topics, who sends and receives what, in AsyncAPI 3. */
#include "common/json/gen/gen.h"

/* Types of our own workers' commands to each other are no part of the contract. */
static bool is_public(const struct tb_command_type *type)
{
    return !type->internal;
}

static void message_refs(tb_buf *out, const char *indent, const char *channel, bool commands)
{
    size_t n = commands ? (size_t)TB_CMD_COUNT_ : (size_t)TB_EVENT_COUNT_;
    for (size_t i = 0; i < n; i++) {
        if (commands && !is_public(&tb_command_types[i])) {
            continue;
        }
        const char *name = commands ? tb_command_types[i].name : tb_event_types[i].name;
        if (channel) {
            tb_buf_printf(out, "%s- $ref: '#/channels/%s/messages/%s'\n", indent, channel, name);
        } else {
            tb_buf_printf(out, "%s%s:\n%s  $ref: '#/components/messages/%s'\n", indent, name,
                          indent, name);
        }
    }
}

static void channel(tb_buf *out, const char *name, const char *address, const char *key,
                    const char *doc)
{
    tb_buf_printf(out,
                  "  %s:\n"
                  "    address: %s\n"
                  "    description: >-\n      %s\n"
                  "    bindings:\n"
                  "      kafka:\n"
                  "        topic: %s\n"
                  "        bindingVersion: '0.5.0'\n"
                  "    # Key: %s. Producers set partitioner=murmur2_random (Java's default).\n"
                  "    messages:\n",
                  name, address, doc, address, key);
}

static void channels(tb_buf *out)
{
    tb_buf_add_c(out, "channels:\n");
    channel(out, "commands", "ticket.commands",
            "the subject (ticket id, or workflow id for boards)",
            "What orchestrators want done. A command takes effect once; it may be sent again.");
    message_refs(out, "      ", NULL, true);
    channel(out, "events", "ticket.events", "the subject",
            "What happened, in order per subject, and the answers to commands that had no effect.");
    message_refs(out, "      ", NULL, false);
    channel(out, "deadletters", "ticket.dlq", "the subject, or the record's own key",
            "Records of the commands' topic that could be neither applied nor answered.");
    tb_buf_add_c(out, "      ticketbus.deadletter:\n"
                      "        $ref: '#/components/messages/ticketbus.deadletter'\n");
}

static void operation(tb_buf *out, const char *name, const char *action, const char *where,
                      const char *doc)
{
    tb_buf_printf(out,
                  "  %s:\n"
                  "    action: %s\n"
                  "    channel:\n"
                  "      $ref: '#/channels/%s'\n"
                  "    summary: %s\n"
                  "    messages:\n",
                  name, action, where, doc);
}

static void operations(tb_buf *out)
{
    tb_buf_add_c(out, "operations:\n");
    operation(out, "applyCommands", "receive", "commands", "The workers apply commands.");
    message_refs(out, "      ", "commands", true);
    operation(out, "publishEvents", "send", "events", "The workers publish events.");
    message_refs(out, "      ", "events", false);
    operation(out, "publishDeadLetters", "send", "deadletters",
              "The workers keep what they cannot answer.");
    tb_buf_add_c(out, "      - $ref: '#/channels/deadletters/messages/ticketbus.deadletter'\n");
}

static void message(tb_buf *out, const char *name, const char *doc, const char *schema)
{
    tb_buf_printf(out,
                  "    %s:\n"
                  "      name: %s\n"
                  "      summary: %s\n"
                  "      contentType: application/cloudevents+json\n"
                  "      payload:\n"
                  "        $ref: './schemas/%s/%s.json'\n",
                  name, name, doc, schema, name);
}

/* Sentences go into YAML between single quotes. */
static tb_str quoted(const char *doc, char *out, size_t room)
{
    size_t n = 0;
    out[n++] = '\'';
    for (; *doc && n + 4 < room; doc++) {
        out[n++] = *doc;
        if (*doc == '\'') {
            out[n++] = '\'';
        }
    }
    out[n++] = '\'';
    out[n] = '\0';
    return (tb_str){out, n};
}

static void messages(tb_buf *out)
{
    char doc[512];
    tb_buf_add_c(out, "components:\n  messages:\n");
    for (int i = 0; i < TB_CMD_COUNT_; i++) {
        const struct tb_command_type *type = &tb_command_types[i];
        if (is_public(type)) {
            message(out, type->name, quoted(type->doc, doc, sizeof doc).ptr, "commands");
        }
    }
    for (int i = 0; i < TB_EVENT_COUNT_; i++) {
        message(out, tb_event_types[i].name, quoted(tb_event_types[i].doc, doc, sizeof doc).ptr,
                "events");
    }
    message(out, "ticketbus.deadletter", "'A record that could be neither applied nor answered.'",
            "events");
}

void tb_gen_asyncapi(tb_buf *out)
{
    tb_buf_printf(
        out,
        "# Generated by tb-gen from the tables in common/; do not edit.\n"
        "asyncapi: 3.0.0\n"
        "info:\n"
        "  title: Ticketbus\n"
        "  version: %s\n"
        "  description: >-\n"
        "    Ticket commands in, ticket events out, over Kafka. Messages are CloudEvents 1.0\n"
        "    in structured JSON. The promises around them are in wire-contract.md.\n"
        "  license:\n"
        "    name: Apache-2.0\n"
        "    url: https://www.apache.org/licenses/LICENSE-2.0\n"
        "defaultContentType: application/cloudevents+json\n"
        "servers:\n"
        "  kafka:\n"
        "    host: 127.0.0.1:9092\n"
        "    protocol: kafka\n"
        "    description: Kafka 2.5 or newer; topic names are settings.\n",
        TB_VERSION);
    channels(out);
    operations(out);
    messages(out);
}
