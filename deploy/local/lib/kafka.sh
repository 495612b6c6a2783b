# shellcheck shell=bash disable=SC2034  # variables for the other parts of the library
# Apache Kafka, one node in KRaft mode. The jars come from Maven by kafka/pom.xml.

KAFKA_POM=$LOCAL_DIR/kafka/pom.xml
KAFKA_VERSION=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$KAFKA_POM")

kafka_jars_present() {
    [[ $(cat "$KAFKA_LIBS_DIR/../.stamp" 2>/dev/null) == $(digest <"$KAFKA_POM") ]]
}

fetch_kafka() { with_lock "$TOOLS_DIR/kafka.lock" fetch_kafka_locked; }

fetch_kafka_locked() {
    if kafka_jars_present; then
        note "unchanged"
        return 0
    fi
    # Maven is only needed for this, so it is only asked for here.
    ensure_packages 'command mvn maven'
    rm -rf "$TOOLS_DIR/kafka"
    mkdir -p "$KAFKA_LIBS_DIR"
    mvn --batch-mode --no-transfer-progress -f "$KAFKA_POM" -DlibsDir="$KAFKA_LIBS_DIR" package ||
        complain "Maven could not fetch Kafka's jars (is the repository reachable?)."
    digest <"$KAFKA_POM" >"$KAFKA_LIBS_DIR/../.stamp"
    note "fetched"
}

# kafka_java CLASS ARGUMENTS…: one of Kafka's own tools, e.g. kafka.tools.StorageTool.
kafka_java() {
    java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
        -Dlog4j2.configurationFile="$LOCAL_DIR/kafka/log4j2-tools.properties" \
        -cp "$KAFKA_LIBS_DIR/*" "$@"
}

kafka_healthy() { probe kafka 127.0.0.1 "$PORT_KAFKA"; }

start_kafka() {
    local properties=$RUN_DIR/kafka.properties stamp
    mkdir -p "$DATA_DIR/kafka"
    sed -e "s|@port@|$PORT_KAFKA|g" -e "s|@controller_port@|$PORT_KAFKA_CONTROLLER|g" \
        -e "s|@data@|$DATA_DIR/kafka|g" "$LOCAL_DIR/kafka/server.properties.in" | write_file "$properties" 0644
    stamp=$(cat "$properties" "$KAFKA_POM" | digest)
    if running_as kafka "$stamp" && kafka_healthy; then
        note "already running"
        return 0
    fi
    stop_part kafka
    need_port "$PORT_KAFKA" TICKETBUS_PORT_KAFKA
    need_port "$PORT_KAFKA_CONTROLLER" TICKETBUS_PORT_KAFKA "$PORT_KAFKA"
    if [[ ! -f $DATA_DIR/kafka/meta.properties ]]; then
        kafka_java kafka.tools.StorageTool format --config "$properties" \
            --cluster-id "$(kafka_java kafka.tools.StorageTool random-uuid)"
    fi
    # Without its second compiler the broker is warm after a tenth of the time, and hardly slower then.
    start_part kafka "$stamp" java -server -Xms256m -Xmx512m -XX:+UseG1GC -XX:TieredStopAtLevel=1 -Djava.awt.headless=true \
        -Dlog4j2.configurationFile="$LOCAL_DIR/kafka/log4j2.properties" \
        -cp "$KAFKA_LIBS_DIR/*" kafka.Kafka "$properties"
    wait_healthy kafka 60 kafka_healthy
}
