"""The voices there are to choose from: those of the vendors, and those that were cloned."""
