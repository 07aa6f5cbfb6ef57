"""Speech and chat services, each behind its port in `backend.ports`."""
