"""The servers with locked doors: TLS, logins and rights, beside the open door that each keeps on loopback.

Law: who comes through the open door is an administrator, as a test that looks and changes things is. What is to be
locked in is told of the locked doors alone. The certificates and passwords are the caller's.

The files in reading order: locks (what the servers are given), tls_door (TLS before a server that was
built without), passing_on (the program of such a door).
"""

from consumer.adapters.embedded.locked.locks import Locks
from consumer.adapters.embedded.locked.tls_door import TlsDoor

__all__ = ["Locks", "TlsDoor"]
