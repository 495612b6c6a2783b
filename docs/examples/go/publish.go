// Publishes one ticket.create and prints the new ticket's id: publish WORKFLOW TITLE
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"
)

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func publish(workflow, title string) (string, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(setting("KAFKA_BROKERS", "127.0.0.1:9092"), ",")...),
		// Murmur2 over the key, as Java does. It is franz-go's default; said here because it must stay so.
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
		kgo.RequiredAcks(kgo.AllISRAcks()), // with the idempotent writes that are the default
		kgo.RecordDeliveryTimeout(30*time.Second),
	)
	if err != nil {
		return "", err
	}
	defer client.Close()

	id, err := uuid.NewV7() // the age of a command counts from the time inside it
	if err != nil {
		return "", err
	}
	subject := "ticket-" + id.String() // a new ticket is named after its command
	command := map[string]any{
		"specversion": "1.0",
		"id":          id.String(),
		"source":      "/examples/go",
		"type":        "ticket.create",
		"subject":     subject,
		"time":        time.Now().UTC().Format(time.RFC3339Nano),
		"actor":       "example-agent",
		"actortype":   "orchestrator",
		"data":        map[string]any{"workflow_id": workflow, "title": title},
	}
	value, err := json.Marshal(command)
	if err != nil {
		return "", err
	}
	record := &kgo.Record{
		Topic:   setting("TICKETBUS_TOPIC_COMMANDS", "ticket.commands"),
		Key:     []byte(subject),
		Value:   value,
		Headers: []kgo.RecordHeader{{Key: "content-type", Value: []byte("application/cloudevents+json")}},
	}
	// After an error send the same record again: it takes effect once.
	return subject, client.ProduceSync(context.Background(), record).FirstErr()
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: publish WORKFLOW TITLE")
		os.Exit(2)
	}
	subject, err := publish(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	fmt.Println(subject)
}
