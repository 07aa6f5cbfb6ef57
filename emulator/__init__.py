"""The vendors on this machine: their own wires over scripted or on-device engines."""
