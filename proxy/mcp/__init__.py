"""What can an agent ask fanin? The tools of ``fanin mcp``, which read findings and traces and change nothing."""
