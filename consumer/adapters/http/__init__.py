"""The service's HTTP server: probes and metrics for machines, the console for people.

Law: the probes answer from memory, whatever hangs elsewhere. The console reads the tables through a small pool of its
own and a few pages at once, so that no reader of it takes anything from the service. The files in reading order: server
(listens), probes, then the package console.
"""
