"""Load and latency, measured side by side with a bare relay. `python -m bench` runs all of it."""
