"""What people look at: protocols of the readers, and what they return.

Law: every method raises Transient while the database is away, and is bounded in rows. The files: present (what waits
now, and what it costs), request_list, request_story (what became of one), session_list, finding (by any id),
shown_package (one package with its revisions and events), accounts (spend, policies, feedback),
refused_records.
"""
