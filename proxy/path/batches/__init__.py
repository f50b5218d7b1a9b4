"""Which requests share a call, when is it sent, and how is it written? Windows, plans and chunks."""
