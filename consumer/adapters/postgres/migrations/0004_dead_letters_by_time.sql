-- Dead letters are listed and trimmed by their time.

CREATE INDEX CONCURRENTLY dead_letters_failed ON dead_letters (failed_at);
