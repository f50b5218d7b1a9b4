"""How is fanin used from the command line? One file per command."""
