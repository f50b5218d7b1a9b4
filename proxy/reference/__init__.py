"""What do the pages of docs/reference say? They, and parts of README.md, are made from what the code declares."""
