"""`python -m backend.doctor`: what may keep a call from working, and how to mend it."""
