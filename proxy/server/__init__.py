"""How do requests arrive? The data port: it reads requests from client connections."""
