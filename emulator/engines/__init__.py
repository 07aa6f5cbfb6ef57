"""The engines behind the services, and the line between them."""
