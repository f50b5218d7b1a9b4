"""How are traces stored on disk? The format of recordings, the writer and the reader."""
