"""Results are cached by fingerprint, and large fingerprints do not fill the memory."""

from __future__ import annotations

from collections import Counter

from proxy.analysis.fingerprint_cache import CACHED_LARGE_FINGERPRINTS, MAX_CACHED_PARAMS, cached_by_fingerprint


def test_few_large_fingerprints_are_cached_and_many_small_ones() -> None:
    computed: Counter[str] = Counter()

    @cached_by_fingerprint
    def size(fingerprint: str, more: int) -> int:
        """Its length, and more."""
        computed[fingerprint] += 1
        return len(fingerprint) + more

    small = [f"GET t?id=eq.{number}" for number in range(CACHED_LARGE_FINGERPRINTS + 1)]
    large = [text + "&" * MAX_CACHED_PARAMS for text in small]
    for _ in range(2):
        assert [size(text, 1) for text in small + large] == [len(text) + 1 for text in small + large]
        assert size(large[-1], 1) == len(large[-1]) + 1
    assert {text: computed[text] for text in small} == dict.fromkeys(small, 1)
    assert {text: computed[text] for text in large} == dict.fromkeys(large, 2)
    assert size.__doc__ == "Its length, and more."
