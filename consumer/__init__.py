"""The escalation consumer: session events and requests in, handoff packages out.

Law: arrows go one way, `cli → service → wiring → adapters → flows → domain → schemas`; DESIGN.md beside this file says
where each rule lives. Known to all: errors, environment (with trace_variables, those of OpenTelemetry), settings (with
server_settings, those of the ways to the servers, setting_sources, where each comes from, setting_types, how each is
read, exposure, which connections others can read, and providers, what each provider of the model is told), logs (with
log_events, the names of the lines).
"""
