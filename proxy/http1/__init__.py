"""Kit: HTTP/1.1 messages as bytes (RFC 9112). Heads, body framing, chunks. Pure: bytes in, values out."""
