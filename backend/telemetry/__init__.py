"""What becomes of calls and turns, for whoever wants to know: metrics, traces."""
