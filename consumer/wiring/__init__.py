"""Where the concrete classes meet: every object of the service, of a command or of a test is put together here, once.

Law: nothing outside this package names two adapters in one file. Nothing here decides; it opens, connects and closes.
The files read in this order: values, stores, model, loops, then replays, rebuild and trials for the commands.
"""
