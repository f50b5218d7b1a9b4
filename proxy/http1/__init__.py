"""What do the bytes of an HTTP/1.1 message mean (RFC 9112)? Heads, body framing and chunked bodies, without I/O."""
