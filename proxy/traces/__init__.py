"""Which spans belong to one trace? Spans grouped into traces, the store of recent traces, and the cost of a trace."""
