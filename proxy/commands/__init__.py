"""How is fanin started and asked? The command line, one file a command."""
