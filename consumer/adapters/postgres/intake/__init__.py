"""The tables that intake fills, in one transaction a batch.

Law: sessions are locked first, in the order of their keys, so that batches of several members never deadlock. The files
in the order in which a batch passes them: inbox (the transaction), progress (what it knows by now), arrivals, erasure,
events, sweeping, tenants (policies), feedback, reception, refusals, publishing, soundness (records that every sound
store takes).
"""
