/* Creates a ticket, moves it on, and says what became of each command.
 *
 *     cc publish.c $(pkg-config --cflags --libs ticketbus) -o publish
 *     ./publish WORKFLOW STATUS */
#include <stdio.h>
#include <ticketbus/ticketbus.h>

/* Sends the command and tells its outcome; true when it took effect. */
static bool run(struct ticketbus_client *client, struct ticketbus_command *command)
{
    struct ticketbus_error error;
    struct ticketbus_outcome *outcome = NULL;
    enum ticketbus_rc rc = ticketbus_request(client, command, -1, false, &outcome, &error);
    bool applied = rc == TICKETBUS_OK && outcome->state == TICKETBUS_APPLIED;
    if (rc != TICKETBUS_OK) {
        /* After TICKETBUS_EUNKNOWN the same command may simply be sent again. */
        printf("%s: %s\n", ticketbus_command_type(command), error.text);
    } else if (outcome->state == TICKETBUS_REJECTED) {
        printf("%s: %s (%s)\n", ticketbus_command_type(command), outcome->message, outcome->code);
    } else {
        printf("%s: %s is at version %lld\n", ticketbus_command_type(command), outcome->subject,
               (long long)outcome->version);
    }
    ticketbus_outcome_free(outcome);
    return applied;
}

int main(int argc, char **argv)
{
    struct ticketbus_error error;
    struct ticketbus_client *client = NULL;
    if (argc != 3) {
        fprintf(stderr, "usage: publish WORKFLOW STATUS\n");
        return 2;
    }
    if (ticketbus_client_new(NULL, &client, &error) != TICKETBUS_OK) {
        fprintf(stderr, "%s %s\n", error.field, error.text);
        return 2;
    }
    bool done = false;
    struct ticketbus_command *create = ticketbus_create(argv[1], "Bake bread", &error);
    if (create &&
        ticketbus_command_set(create, "description", "Sourdough.", &error) == TICKETBUS_OK &&
        run(client, create)) {
        /* The ticket's id is derived from the command's: known before anything was sent. */
        struct ticketbus_command *move =
            ticketbus_change_status(ticketbus_command_subject(create), argv[2], &error);
        done = move && run(client, move);
        ticketbus_command_free(move);
    }
    ticketbus_command_free(create);
    ticketbus_client_free(client);
    return done ? 0 : 1;
}
