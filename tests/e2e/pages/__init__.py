"""What people read of a running fanin: the admin port's pages and API, and `fanin top`."""
