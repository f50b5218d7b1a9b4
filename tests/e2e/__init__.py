"""End to end: fanin before a real PostgREST or a scripted upstream, one folder for each promise that it makes."""
