"""The implementations of the ports, each named after its system.

Law: no adapter knows another; each SDK is used by one adapter only. The systems: kafka, postgres, redis (the cache, and
what replicas tell each other), anthropic (the model at every provider; with transport, the way to it, and journal,
which remembers its answers), http, readiness (asks another service's), certificates (when they end), prometheus,
tracing (spans, through OpenTelemetry), heap (memory that is free); embedded starts the servers of the demo and the
tests.
"""
