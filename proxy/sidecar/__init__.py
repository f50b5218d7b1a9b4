"""What is one running fanin? Its parts, the pipeline for requests, and its background tasks."""
