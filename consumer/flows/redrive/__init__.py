"""Dead letters again: redriven (the original passes the gate once more) or purged, as jobs that anybody may run.

Law: a dead letter leaves the list only in the statement that notes what became of it, and only when its original is
stored or somebody asked to purge it. A job is rows; whoever holds its lease works on it, and a kill costs one piece.
The files in reading order: ports, judging (originals, read and decoded again), previewing (how many, which, and what
would become of them), redriving (the loop).
"""
