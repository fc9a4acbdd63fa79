"""Traces, through the API of OpenTelemetry; its SDK is loaded by one file, and only where traces are wanted.

Law: a span holds ids, names of topics and models, figures and words of closed sets: no text of a record, a prompt or an
answer, no message of an error. What is traced behaves as it does untraced. The files in reading order: spans (how one
begins and ends), records (intake), drafting, calls (to the model), endings (what is put into the outbox), publishing
(the relay), provider (the SDK: where spans go).
"""
