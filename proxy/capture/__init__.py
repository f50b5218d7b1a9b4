"""How is a command run behind fanin? ``fanin capture``: its variables, its processes, its sidecar and its report."""
