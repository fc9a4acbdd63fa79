"""Kafka, through aiokafka: the input topics, the relay's transactions, and what commands ask of topics and groups.

Law: aiokafka is imported here alone, and its errors become Transient here. The files in reading order: client (settings
of a connection, who is at fault), login (certificates, passwords, tokens), admin (makes topics), consuming (the input
topics), ends (how far there is to read), unpacking and inflation (records that nobody can read), publishing (the
relay's transactions), writing and topic_reader (other people's ends of the topics), originals (single records by their
places), history and offsets (the past of topics and groups), asking and checkup (for `doctor`).
"""
