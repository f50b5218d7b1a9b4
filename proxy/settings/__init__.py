"""How is fanin configured? Every setting, where it comes from, how it is shown, overridden and reloaded."""
