"""How is a request handled? The decisions of the request path, as pure functions and state machines."""
