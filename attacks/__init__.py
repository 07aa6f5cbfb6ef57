"""Attacks on a server of this machine, with honest callers on the line: `python -m attacks`."""
