"""How are merged and shared answers compared with originals? The I/O around ``path.evidence``."""
