-- Who holds a lease or a claim, by the name of its connections. A replica that is back under its name takes back what
-- it held. New columns only: the release before leaves them null, and its leases expire.

ALTER TABLE requests ADD COLUMN leased_by text;
ALTER TABLE drafts ADD COLUMN claimed_by text;
