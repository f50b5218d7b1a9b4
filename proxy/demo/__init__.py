"""The embedded stack and the RetroMuscle scenarios: the extra `fanin[demo]`."""
