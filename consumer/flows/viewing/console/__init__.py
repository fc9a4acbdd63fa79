"""What pages of the console show and no command does: ports and what they return.

The files: shown_package (one package with its revisions and events), accounts (spend, policies, feedback),
refused_records.
"""
