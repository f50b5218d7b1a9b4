"""How does one call answer many requests? Windows, merged and shared calls, comparison: the I/O of ``path``."""
