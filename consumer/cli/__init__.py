"""The command line: `escalation-consumer`.

Law: a command reads its options, asks `consumer.wiring` for what it needs, and shows what came of it; nothing is
decided here. The files in reading order: main (all commands), lazy (loads them when they are called), ending (exit
codes), version, output (text and JSON), options, settings_table, schema_files; then a folder for each kind of command:
service, inspection, dead_letters, doctor, transfer, trial, replay, tenants, demo.
"""
