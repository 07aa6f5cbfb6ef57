"""Calls recorded, and played back."""
