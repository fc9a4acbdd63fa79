"""What people look at: protocols of the readers, and what they return.

The files: shown_package (one package with its revisions and events), accounts (spend, policies,
feedback).
"""
