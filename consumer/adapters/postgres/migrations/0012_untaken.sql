-- `outbox_next` takes its place.
DROP INDEX outbox_untaken;
