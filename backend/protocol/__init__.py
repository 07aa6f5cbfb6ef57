"""The wires, as pure functions from bytes to values and back: no sockets, no clock."""
