"""Where the concrete classes meet: what the service, a command or a test works with is put together here, once.

Law: adapters are constructed here and nowhere else, but for the demo's own servers. Nothing is decided here. The files
in reading order: values (what the settings mean), database, stores, topics, tables, policies, model, operation,
tracing, loops; then jobs, for commands and the console.
"""

from consumer import logs

logs.go_with_libraries()  # whatever is put together here may log
