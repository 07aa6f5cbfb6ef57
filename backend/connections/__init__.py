"""The two ports, who is let in, and a caller's line."""
