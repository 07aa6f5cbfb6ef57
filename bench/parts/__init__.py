"""The parts of the benchmark; each measures one thing and hands in a section."""
