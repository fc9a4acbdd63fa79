"""What drafts cost: prices (a dated table), usage (tokens that were paid for), estimates (tokens before a call)."""
