"""What was found? Findings, the ones that are kept, and the ones that are ignored."""
