"""How settings are read, beside `settings.py`."""
