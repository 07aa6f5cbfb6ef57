"""The server as a process: its event loop, its log, its start, and the emulator beside it."""
