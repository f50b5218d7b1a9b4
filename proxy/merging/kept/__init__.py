"""How are requests answered from answers that came earlier? The I/O around ``path.kept``."""
