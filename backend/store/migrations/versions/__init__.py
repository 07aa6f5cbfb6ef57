"""One file a step; none changes once it has been released."""
