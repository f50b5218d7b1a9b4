"""What happened? Events, and those who read them: metrics, log, OTLP."""
