"""Commands that move records and packages: load, export, and copies (packages of an export, into the tables)."""
