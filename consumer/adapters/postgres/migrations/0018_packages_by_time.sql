-- Packages are counted and listed by their time.
CREATE INDEX CONCURRENTLY packages_newest ON packages (created_at);
