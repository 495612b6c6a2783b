/* Prints every event from the beginning, in order per ticket and once each, and goes on where it
 * ended when started again. Ends when nothing came for SECONDS.
 *
 *     cc follow.c $(pkg-config --cflags --libs ticketbus) -o follow
 *     mkdir -p state && ./follow state 5 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ticketbus/ticketbus.h>

int main(int argc, char **argv)
{
    struct ticketbus_error error;
    struct ticketbus_consumer *consumer = NULL;
    if (argc != 3) {
        fprintf(stderr, "usage: follow FOLDER SECONDS\n");
        return 2;
    }
    struct ticketbus_consumer_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.start = TICKETBUS_FROM_BEGINNING;
    options.checkpoint_dir = argv[1];
    if (ticketbus_consumer_new(&options, &consumer, &error) != TICKETBUS_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 2;
    }
    int patience_ms = atoi(argv[2]) * 1000;
    enum ticketbus_rc rc;
    for (;;) {
        const struct ticketbus_event *event = NULL;
        rc = ticketbus_consumer_next(consumer, patience_ms, &event, &error);
        if (rc == TICKETBUS_OK && !event) {
            break;
        }
        if (event) {
            printf("%s %lld %s\n", event->subject, (long long)event->sequence, event->type);
            continue;
        }
        fprintf(stderr, "%s\n", error.text);
        if (rc == TICKETBUS_EFATAL || rc == TICKETBUS_EINVAL ||
            strcmp(error.code, "position") == 0) {
            ticketbus_consumer_free(consumer);
            return 1;
        }
    }
    /* Everything printed is done. A program that runs on does this every few seconds. */
    rc = ticketbus_consumer_checkpoint(consumer, &error);
    if (rc != TICKETBUS_OK) {
        fprintf(stderr, "%s\n", error.text);
    }
    ticketbus_consumer_free(consumer);
    return rc == TICKETBUS_OK ? 0 : 1;
}
