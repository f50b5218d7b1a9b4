"""Which answers are kept for later requests, and how long do they hold? Memo, cache, flows, drops."""
