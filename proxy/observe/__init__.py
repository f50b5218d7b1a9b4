"""Observers: readers of events. They never decide and never fail a request."""
