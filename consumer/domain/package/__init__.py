"""What is published about a request, and what can be proven of it.

The files in reading order: package (every published field), evidence (what a line rests on), packing (a draft becomes
the next revision), endings (a note is withdrawn, a request failed), published (read back from the topics), redaction (a
secret found later leaves a package), proof, changes (of records), difference (between revisions), cautions
(warnings in words), export, sample (a session that every sound release can draft).
"""
