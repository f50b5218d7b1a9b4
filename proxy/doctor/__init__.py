"""Is a set-up sound, and which settings are worth changing? ``fanin doctor``: questions to upstream, and a verdict."""
