/* The benchmarks' client of Kafka: sends prepared commands, times answers, counts events, and is
 * the bare floor that latency is held against. Results go to standard output, one JSON object. */
#ifndef TB_BENCH_H
#define TB_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/config/config.h"
#include "common/kafka/consumer.h"

/* A file of messages, one a line: key, tab, value. The lines point into `text`. */
struct bench_line {
    tb_str key;
    tb_str value;
};
struct bench_file {
    char *text;
    struct bench_line *lines;
    size_t n;
};
enum tb_rc bench_read(const char *path, struct bench_file *ret, struct tb_error *err) TB_MUST_USE;
void bench_file_free(struct bench_file *f);

/* The string after `"name":"` near the front of a message, null when it is not there. */
tb_str bench_field(tb_str message, const char *name);
/* Number at the end of an id of ours: its last 12 hexadecimal digits; -1 when it has none. */
int64_t bench_number(tb_str id);

/* Reads all partitions of a topic, without a group. */
enum tb_rc bench_open(const struct tb_config *cfg, const char *topic, int64_t position,
                      struct tb_consumer **ret, int32_t *ret_partitions,
                      struct tb_error *err) TB_MUST_USE;

/* topics NAME PARTITIONS [SETTING=VALUE…] */
enum tb_rc bench_topic(const struct tb_config *cfg, int argc, char **argv, struct tb_error *err);
/* produce TOPIC FILE: as fast as the broker takes them */
enum tb_rc bench_produce(const struct tb_config *cfg, int argc, char **argv, struct tb_error *err);
/* scan TOPIC [SOURCE]: what is on a topic of events, and when the broker appended it */
enum tb_rc bench_scan(const struct tb_config *cfg, int argc, char **argv, struct tb_error *err);
/* latency COMMANDS EVENTS FILE RATE SKIP: from each scheduled send to the command's last event */
enum tb_rc bench_latency(const struct tb_config *cfg, int argc, char **argv, struct tb_error *err);
/* relay COMMANDS EVENTS: consume, one commit, produce, until SIGTERM */
enum tb_rc bench_relay(const struct tb_config *cfg, int argc, char **argv, struct tb_error *err);
/* sse PORT TOKEN READERS WORKFLOWS: reads a gateway's events until standard input ends */
enum tb_rc bench_sse(const struct tb_config *cfg, int argc, char **argv, struct tb_error *err);
/* embedder PORT DIM LATENCY_MS: vectors from hashes over OpenAI's API; GET tells what was asked */
enum tb_rc bench_embedder(const struct tb_config *cfg, int argc, char **argv, struct tb_error *err);
/* sink PORT DIM: a Qdrant that throws points away. Port 0: a free one, told on standard output */
enum tb_rc bench_sink(const struct tb_config *cfg, int argc, char **argv, struct tb_error *err);

#endif
