"""The relay's end of Kafka: relay (a producer's transactions), published (what stands on the topics)."""
