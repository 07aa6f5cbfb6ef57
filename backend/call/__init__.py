"""The core of a call: it decides, and touches nothing. No I/O, no clock."""
