import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/** Publishes one ticket.create and prints the new ticket's id: Publish WORKFLOW TITLE */
public final class Publish {
    private static String setting(String name, String otherwise) {
        String value = System.getenv(name);
        return value == null || value.isEmpty() ? otherwise : value;
    }

    /** Time-ordered id (RFC 9562): the age of a command counts from the time inside it. */
    private static UUID uuid7() {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        long high = System.currentTimeMillis() << 16 | 0x7000 | random.nextLong(0x1000);
        return new UUID(high, random.nextLong() >>> 2 | 0x8000000000000000L);
    }

    /** A real program uses its JSON library. */
    private static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }

    public static void main(String[] args) throws Exception {
        if (args.length != 2) {
            System.err.println("usage: Publish WORKFLOW TITLE");
            System.exit(2);
        }
        Properties settings = new Properties();
        settings.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, setting("KAFKA_BROKERS", "127.0.0.1:9092"));
        // The default partitioner is murmur2 over the key, what Ticketbus expects: set no partitioner.class,
        // and leave partitioner.ignore.keys false. Idempotence and acks=all are the defaults since 3.0.
        settings.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
        settings.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, 30000);
        settings.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, 10000);

        String id = uuid7().toString();
        String subject = "ticket-" + id; // a new ticket is named after its command
        String command = "{\"specversion\":\"1.0\",\"id\":\"" + id + "\",\"source\":\"/examples/java\","
                + "\"type\":\"ticket.create\",\"subject\":\"" + subject + "\",\"time\":\"" + Instant.now() + "\","
                + "\"actor\":\"example-agent\",\"actortype\":\"orchestrator\",\"data\":{\"workflow_id\":"
                + quoted(args[0]) + ",\"title\":" + quoted(args[1]) + "}}";
        ProducerRecord<String, String> record = new ProducerRecord<>(
                setting("TICKETBUS_TOPIC_COMMANDS", "ticket.commands"), subject, command);
        record.headers().add("content-type", "application/cloudevents+json".getBytes(StandardCharsets.UTF_8));
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            producer.send(record).get(); // after an exception send the same record again: it takes effect once
        }
        System.out.println(subject);
    }
}
