"""How many keys are fetched ahead: the same for the request path and for the rule that says what it would save."""

MAX_KEYS, MAX_AGE = 200, 2.0
"""Defaults of the settings ``prefetch.max_keys`` and ``prefetch.max_age`` (seconds)."""
FIRST_KEYS = 8
"""Keys that the first fetch of a loop reads ahead: what a loop that ends at once has fetched in vain."""
GROWTH = 5
"""Each further fetch reads this many times the keys that were used of the one before."""
REPEATED = 2
"""The same where a write, or their age, kept the others from being used: so many are expected until the next one."""


def keys_ahead(last: int, used: int, most: int, was_dropped: bool = False) -> int:
    """The number of keys that the next fetch of a loop reads ahead, at most ``most``.

    ``last`` is that of the fetch before (0: there was none), of which ``used`` were asked for. A loop that asked for
    less than half of them gets none, unless the others were asked for and could not be used, because of a write or
    their age (``was_dropped``): then it gets twice as many as could.
    """
    if not last:
        return min(FIRST_KEYS, most)
    if was_dropped:
        return min(most, REPEATED * used)
    return 0 if 2 * used < last else min(most, max(FIRST_KEYS, GROWTH * used))
