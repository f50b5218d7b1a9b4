"""What do the pages of docs/reference say? They and parts of README.md are generated from the code."""
