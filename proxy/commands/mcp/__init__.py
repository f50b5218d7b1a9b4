"""``fanin mcp``: the Model Context Protocol on standard input and output."""
