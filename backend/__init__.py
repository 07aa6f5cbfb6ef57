"""The voice-call server: one WebSocket per call, a friend at the other end."""
