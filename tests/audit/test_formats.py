"""Whatever clients call things, each format says so as text and keeps its own shape."""

from __future__ import annotations

import json
import re
import unicodedata
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace

from proxy.audit.as_html import POLICY, html
from proxy.audit.as_json import as_json
from proxy.audit.as_markdown import markdown
from proxy.audit.as_sarif import as_sarif
from proxy.audit.as_text import summary, text
from proxy.audit.columns import WIDTH, cells
from proxy.audit.report import Report
from proxy.text.terminal import safe
from rules import RULES
from tests.audit.factories import PLAIN, report
from tests.check.test_formats import shape
from tests.check.test_sarif_schema import violations
from tests.hostile_inputs import NASTY, RAW

NAMES = (*NASTY, *RAW, "a@b.example @team #1 www.hit.example https://hit.example **b** $x$ [a](b)", "日本語" * 90)
READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


@pytest.mark.parametrize("name", NAMES)
def test_text_fits_a_terminal_moves_no_cursor_and_begins_no_line_with_a_clients_word(name: str) -> None:
    for shown in (text(report(name)), summary(report(name))):
        lines = shown.split("\n")
        assert max(map(cells, lines)) <= WIDTH
        assert not {char for char in shown if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp")} - {"\n"}
        assert not any(line.lstrip().startswith(("::", "##[")) for line in lines)
        unwrapped = re.sub(r"\n *(?:│ *)?↳ ", "", shown)
        assert unwrapped.count("\n") == re.sub(r"\n *(?:│ *)?↳ ", "", _twin(shown)).count("\n")


def _twin(shown: str) -> str:
    """The same, of a report with plain names."""
    return (text if "│ " in shown else summary)(report(PLAIN))


@pytest.mark.parametrize("name", NAMES)
def test_json_tells_names_as_they_came(name: str) -> None:
    made = json.loads(as_json(report(name)))
    assert shape(made) == shape(json.loads(as_json(report(PLAIN))))
    assert made["findings"][0]["finding"]["route"] == name
    assert made["fanin-audit"] == 1


def test_json_reads_back_as_the_report_and_has_the_schema_that_is_told() -> None:
    assert msgspec.json.decode(as_json(report(PLAIN)), type=Report) == report(PLAIN)


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


def test_html_loads_nothing_and_runs_nothing_and_its_policy_forbids_both() -> None:
    made = html(report(PLAIN))
    page = Page(made)
    assert page.links == [f"#{place}" for place in page.ids] == ["#finding-1", "#finding-2", "#finding-3"]
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & {tag for tag, _ in page.tags}
    assert not any(name.startswith("on") or name == "style" for _, names in page.tags for name in names)
    assert "default-src 'none'" in POLICY
    assert made.index("Content-Security-Policy") < made.index("<style>")
    assert "url(" not in made
    assert "@import" not in made


def tokens(made: str) -> list[str]:
    """What a reader of Markdown makes of it, but for its texts: backquoted ``@`` are part of a text."""
    found = []
    for token in READER.parse(made):
        found.append(token.type)
        found += [child.type for child in token.children or () if child.type not in ("text", "text_special")]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_markdown_keeps_its_shape(name: str) -> None:
    assert _without_ats(tokens(markdown(report(name)))) == _without_ats(tokens(markdown(report(PLAIN))))


def _without_ats(found: list[str]) -> list[str]:
    """Code within a line is what verbatim names are, and each ``@``: there is no limit to these."""
    return [kind for kind in found if kind != "code_inline"]


@pytest.mark.parametrize("name", NAMES)
def test_markdown_shows_the_name(name: str) -> None:
    told = ""
    for token in READER.parse(markdown(report(name))):
        if token.type == "inline":
            told += "".join(child.content for child in token.children or ()) + "\n"
    assert safe(f"9 reads of {name}") in told
    first = next(line for line in told.split("\n") if line.startswith("Location"))
    assert safe(f"GET {name}?id=eq.?, route {name}, called from {name}") in first


def sarif(name: str, settings: str = "") -> Any:
    return json.loads(as_sarif(report(name), RULES, "1.0", settings))


@pytest.mark.parametrize("settings", ["", "ci/fanin.toml"])
@pytest.mark.parametrize("name", [*NAMES, "app/[id]/page.tsx:7"])
def test_sarif_is_valid_keeps_its_shape_and_has_no_links(name: str, settings: str) -> None:
    log = sarif(name, settings)
    assert violations(log) == []
    results = log["runs"][0]["results"]
    assert not any("](" in one["message"]["text"] for one in results)
    levels = [(one["ruleId"], one["level"], one["occurrenceCount"], "suppressions" in one) for one in results]
    assert levels == [
        ("FAN001", "error", 2, False),
        ("FAN016", "error", 1, False),
        ("FAN003", "note", 1, False),
        ("FAN011", "error", 3, True),
    ]


def test_sarif_says_why_a_finding_is_ignored_and_warns_of_what_the_report_does() -> None:
    (run,) = sarif(PLAIN)["runs"]
    assert run["results"][-1]["suppressions"] == [{"kind": "external", "justification": PLAIN}]
    notes = run["invocations"][0]["toolConfigurationNotifications"]
    assert notes == [{"level": "warning", "message": {"text": f"of {PLAIN}"}}]


def test_what_cannot_fail_a_build_is_a_note_however_bad_it_is() -> None:
    made = report(PLAIN)
    loose = replace(made, findings=tuple(replace(one, judged=False) for one in made.findings))
    (run,) = json.loads(as_sarif(loose, RULES, "1.0", ""))["runs"]
    assert {one["level"] for one in run["results"] if "suppressions" not in one} == {"note"}


def test_a_report_of_nothing_says_so() -> None:
    empty = replace(report(PLAIN), findings=(), ignored=(), queries=(), routes=(), bypassed=(), warnings=())
    for shown in (text(empty), markdown(empty), Page(html(empty)).told):
        for told in (
            "Nothing was found.",
            "Nothing that was found is ignored.",
            "There is none.",
            "Nothing was refused.",
        ):
            assert told in shown
