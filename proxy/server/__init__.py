"""What do clients send? The data port: requests read off client connections."""
