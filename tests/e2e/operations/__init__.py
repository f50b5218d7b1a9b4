"""What an operator does with fanin: install, serve, reload, stop, scrape and trace it."""
