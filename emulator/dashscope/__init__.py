"""DashScope's services: tasks over one WebSocket, Qwen chat, and voice cloning."""
