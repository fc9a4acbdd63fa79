"""Keys and tokens that begin with a mark of their issuer: issuers by their shapes, prefixes in one table."""
