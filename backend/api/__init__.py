"""The HTTP API beside the page: voices, samples, clones, costs, and who may ask for what."""
