-- Sums over all tenants since a day. Rows of a day change, but never their day.
CREATE INDEX CONCURRENTLY model_days_by_day ON model_days (day);
