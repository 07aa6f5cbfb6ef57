"""Around the pure core: what carries its decisions out, beside `session.py` and `turn.py`."""
