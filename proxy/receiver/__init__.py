"""How do spans of instrumented applications become traces? OpenTelemetry, from files and over HTTP."""
