"""What is done with a request? The decisions of the data path, as pure functions and state machines."""
