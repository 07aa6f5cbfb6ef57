"""Recordings of calls: every input with its time, and what the call decided; played back, it decides the same."""
