"""What is one running fanin? Its parts, the pipeline that every request goes through, its background work."""
