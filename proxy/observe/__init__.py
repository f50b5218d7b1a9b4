"""What happens in fanin? Events, and their observers: metrics, log, OTLP."""
