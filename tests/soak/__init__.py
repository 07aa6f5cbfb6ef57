"""Thousands of turns, hours and calls: what only shows in the long run."""
