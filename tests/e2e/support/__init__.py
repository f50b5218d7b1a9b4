"""What the end-to-end tests share: servers, clients, request generators and comparisons."""
