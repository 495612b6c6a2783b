/* Cases that hold on the mock cluster and on a real broker alike. */
#ifndef TB_TESTS_KAFKA_CASES_H
#define TB_TESTS_KAFKA_CASES_H

void case_round_trip(void **state);
void case_size_limit(void **state);
void case_topic_partitions(void **state);
void case_unknown_topic(void **state);
void case_rewind(void **state);
void case_pause(void **state);
void case_pause_one(void **state);
void case_start_while_paused(void **state);
void case_two_members(void **state);
void case_rebalance_while_paused(void **state);
void case_position_beyond_end(void **state);
void case_positions(void **state);
void case_read_at(void **state);

/* Polls until something else than "none" or a transient error, at most timeout_ms. */
struct tb_kafka_message;
struct tb_consumer;
int wait_for(struct tb_consumer *c, struct tb_kafka_message *m, int timeout_ms);

#endif
