"""What fanin finds and advises is true of the real servers, from running traffic and from recordings."""
