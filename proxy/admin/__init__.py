"""What can be seen of a running fanin? The admin port: who has access, pages, API, metrics."""
