"""What do the pages of docs/reference say? They are made from what the code declares."""
