"""A text is made once for the same arguments, and a bounded number of texts is kept."""

from __future__ import annotations

from proxy.fixes.clients.memoized import memoized


def test_a_text_is_made_once_for_the_same_arguments() -> None:
    made: list[str] = []

    @memoized
    def text(name: str) -> str:
        made.append(name)
        return f"select {name}"

    assert [text("a"), text("b"), text("a")] == ["select a", "select b", "select a"]
    assert made == ["a", "b"]


def test_no_more_than_256_texts_are_kept() -> None:
    @memoized
    def text(number: int) -> str:
        return str(number)

    for number in range(1000):
        text(number)
    assert text.cache_info().currsize == 256
