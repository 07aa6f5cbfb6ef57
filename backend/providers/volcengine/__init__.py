"""Volcengine: Doubao's streaming recognition and bidirectional synthesis, and Ark's chat models."""
