"""The database's shape, step by step; `backend.store.migrate` takes the steps."""
