-- What held for a tenant before its present policy. A new column only, null for what is stored already.

ALTER TABLE tenant_policies
    ADD COLUMN previous text;                           -- JSON: the four fields and the times of the policy before
