"""The page and the plot are those of the committed figures, in which most of the eight queries gained."""

from __future__ import annotations

from proxy.reference.parts import renewed
from tests.bench import audit_gain


def test_the_page_and_the_plot_are_those_of_the_committed_figures() -> None:
    data = audit_gain.read()
    text = audit_gain.PAGE.read_text(encoding="utf-8")
    assert renewed(text, {"audit-gain": audit_gain.part(data)}) == text, "make docs"
    assert audit_gain.PLOT.read_text(encoding="utf-8") == audit_gain.plot(data), "make docs"


def test_eight_indexes_were_created_and_most_of_the_eight_queries_gained() -> None:
    data = audit_gain.read()
    assert [text.split()[:3] for text in data["statements"]] == [["CREATE", "INDEX", "CONCURRENTLY"]] * 8
    gained = [row["after"][1] < row["before"][1] for row in data["rows"].values()]
    assert (len(gained), sum(gained) > 4) == (8, True)
