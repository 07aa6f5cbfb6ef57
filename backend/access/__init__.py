"""Who may come in: tokens, origins, addresses and their bounds. Knows nothing of calls."""
