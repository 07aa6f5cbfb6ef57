"""Alibaba Cloud's DashScope (Model Studio): Paraformer hears, Qwen thinks, CosyVoice speaks."""
