"""Which spans belong together? Spans grouped into traces, the traces that are kept, and what one cost."""
