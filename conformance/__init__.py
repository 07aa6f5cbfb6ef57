"""Judges any server, and any client, of the live voice call protocol; it shares no code with either."""
