"""How are bytes sent and received? TCP, TLS and unix connections, listeners, tunnels."""
