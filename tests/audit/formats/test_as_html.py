"""A report as a page has one shape, loads nothing and runs nothing, whatever clients call things."""

from __future__ import annotations

import unicodedata
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from proxy.audit.formats.as_html import POLICY, html
from proxy.audit.formats.script import SCRIPT
from proxy.text.terminal import safe
from tests.audit.factories import EMPTY, NAMES, NOTHING, PLAIN, report


class Page(HTMLParser):
    """The elements of a page with the names of their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.told = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_data(self, data: str) -> None:
        self.told += data


@pytest.mark.parametrize("name", NAMES)
def test_html_keeps_its_shape_and_shows_the_name(name: str) -> None:
    page = Page(html(report(name)))
    assert page.tags == Page(html(report(PLAIN))).tags
    assert safe(f"9 reads of {name}") in page.told
    assert not {char for char in page.told if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp")} - {"\n"}


def test_html_loads_nothing_and_runs_its_own_script_alone_and_its_policy_forbids_all_else() -> None:
    made = html(report(PLAIN))
    page = Page(made)
    assert page.links == [f"#{place}" for place in page.ids] == ["#finding-1", "#finding-2", "#finding-3"]
    assert [tag for tag, _ in page.tags].count("script") == made.count(f"<script>{SCRIPT}</script>") == 1
    assert not {"link", "img", "iframe", "object", "base", "form"} & {tag for tag, _ in page.tags}
    assert not any(name.startswith("on") or name == "style" for _, names in page.tags for name in names)
    assert "default-src 'none'" in POLICY
    assert f"script-src 'sha256-{b64encode(sha256(SCRIPT.encode()).digest()).decode()}';" in POLICY
    assert made.index("Content-Security-Policy") < made.index("<style>")
    assert "url(" not in made
    assert "@import" not in made


def test_html_of_an_empty_report_says_that_nothing_was_found() -> None:
    assert all(sentence in Page(html(EMPTY)).told for sentence in NOTHING)
