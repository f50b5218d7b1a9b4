"""Speed, as ratios measured side by side in one run. Never part of `make test`: a timing is no assertion."""
