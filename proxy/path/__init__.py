"""Rooms: the steps that decide what happens to a request. Plain functions and small state machines over values."""
