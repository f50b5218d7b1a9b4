"""How is a running fanin observed? The admin port: access control, pages, API, metrics."""
