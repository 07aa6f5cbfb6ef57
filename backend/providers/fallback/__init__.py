"""A second provider for each stage, which takes over where the first one fails."""
