"""How are traces kept on disk? The format, its writer and its reader."""
