"""How do bytes move? TCP, TLS and unix connections, listeners, tunnels."""
