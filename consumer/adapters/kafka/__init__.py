"""Kafka, through aiokafka: the input topics, the relay's transactions, and what commands ask of topics and groups.

Law: aiokafka is imported here alone, and its errors become Transient here. The files in reading order: client (settings
of a connection), admin (makes topics), consumer (the input topics), placement (where reading begins), lags, unpacking
and inflation (records that nobody can read), relay (transactions), published (what stands on their topics), writing and
topic_reader (other people's ends of the topics), history and offsets (the past of topics and groups).
"""
