-- Sessions are listed by their last change: within five minutes they are sorted, and a page reads few of them.
CREATE INDEX CONCURRENTLY sessions_by_time ON sessions (changed_around);
CREATE INDEX CONCURRENTLY sessions_of_tenant ON sessions (tenant_id, changed_around);
CREATE INDEX CONCURRENTLY sessions_trimmed ON sessions (changed_around) WHERE trimmed_at IS NOT NULL;
CREATE INDEX CONCURRENTLY sessions_trimmed_of_tenant ON sessions (tenant_id, changed_around) WHERE trimmed_at IS NOT NULL;
CREATE INDEX CONCURRENTLY sessions_erased_by_time ON sessions (changed_around) WHERE erased_at IS NOT NULL;
-- What the pages on feedback and spend read of one tenant, or with one outcome. One row a call, and one a word of feedback.
CREATE INDEX CONCURRENTLY package_feedback_of_tenant ON package_feedback (tenant_id, occurred_at);
CREATE INDEX CONCURRENTLY package_feedback_by_outcome ON package_feedback (outcome, occurred_at);
CREATE INDEX CONCURRENTLY model_calls_of_tenant ON model_calls (tenant_id, began_at);
