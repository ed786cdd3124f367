// Apache Kafka's own Java client as anybody would use it: reads COUNT records of a topic in a group, prints each, commits.
// java -cp 'libs/*' StockConsumer.java BOOTSTRAP TOPIC GROUP COUNT

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.header.Header;

public class StockConsumer {
    public static void main(String[] args) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        settings.put("group.id", args[2]);
        settings.put("auto.offset.reset", "earliest");
        settings.put("enable.auto.commit", "false");
        settings.put("max.poll.records", "1");
        String text = "org.apache.kafka.common.serialization.StringDeserializer";
        settings.put("key.deserializer", text);
        settings.put("value.deserializer", text);
        long deadline = System.currentTimeMillis() + 30_000;
        int left = Integer.parseInt(args[3]);
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings)) {
            consumer.subscribe(List.of(args[1]));
            while (left > 0 && System.currentTimeMillis() < deadline) {
                for (ConsumerRecord<String, String> row : consumer.poll(Duration.ofMillis(500))) {
                    Header type = row.headers().lastHeader("ce_type");
                    System.out.println(new String(type.value(), StandardCharsets.UTF_8) + "\t" + row.value());
                    left--;
                }
                consumer.commitSync();
            }
        }
    }
}
