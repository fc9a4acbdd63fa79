"""Commands that run the service and tend its stores: run, prepare, rewind, rebuild, trim."""
