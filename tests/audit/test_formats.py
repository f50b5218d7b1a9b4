"""Each format contains the names of clients as text and keeps its structure for all names."""

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
def test_text_fits_a_terminal_without_control_characters_or_client_text_at_line_starts(name: str) -> None:
    for output in (text(report(name)), summary(report(name))):
        lines = output.split("\n")
        assert max(map(cells, lines)) <= WIDTH
        assert not {char for char in output if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp")} - {"\n"}
        assert not any(line.lstrip().startswith(("::", "##[")) for line in lines)
        unwrapped = re.sub(r"\n *(?:│ *)?↳ ", "", output)
        assert unwrapped.count("\n") == re.sub(r"\n *(?:│ *)?↳ ", "", _same_report_with_plain_names(output)).count("\n")


def _same_report_with_plain_names(output: str) -> str:
    """The same, of a report with plain names."""
    return (text if "│ " in output else summary)(report(PLAIN))


@pytest.mark.parametrize("name", NAMES)
def test_json_contains_names_unchanged(name: str) -> None:
    document = json.loads(as_json(report(name)))
    assert shape(document) == shape(json.loads(as_json(report(PLAIN))))
    assert document["findings"][0]["finding"]["route"] == name
    assert document["fanin-audit"] == 1


def test_json_decodes_to_the_report_and_follows_its_schema() -> None:
    assert msgspec.json.decode(as_json(report(PLAIN)), type=Report) == report(PLAIN)


class Page(HTMLParser):
    """The elements of a page with the names of their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", NAMES)
def test_html_keeps_its_structure_and_shows_the_name(name: str) -> None:
    page = Page(html(report(name)))
    assert page.tags == Page(html(report(PLAIN))).tags
    assert safe(f"9 reads of {name}") in page.text
    assert not {char for char in page.text if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp")} - {"\n"}


def test_html_has_no_scripts_or_external_resources_and_its_policy_forbids_both() -> None:
    document = html(report(PLAIN))
    page = Page(document)
    assert page.links == [f"#{place}" for place in page.ids] == ["#finding-1", "#finding-2", "#finding-3"]
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & {tag for tag, _ in page.tags}
    assert not any(name.startswith("on") or name == "style" for _, names in page.tags for name in names)
    assert "default-src 'none'" in POLICY
    assert document.index("Content-Security-Policy") < document.index("<style>")
    assert "url(" not in document
    assert "@import" not in document


def tokens(source: str) -> list[str]:
    """Types of the tokens that a Markdown parser returns, without text; a backquoted ``@`` is part of a text."""
    types = []
    for token in READER.parse(source):
        types.append(token.type)
        types += [child.type for child in token.children or () if child.type not in ("text", "text_special")]
    return types


@pytest.mark.parametrize("name", NAMES)
def test_markdown_keeps_its_structure(name: str) -> None:
    assert _without_code(tokens(markdown(report(name)))) == _without_code(tokens(markdown(report(PLAIN))))


def _without_code(types: list[str]) -> list[str]:
    """Token types without inline code: names have any number of inline codes, one per ``@``."""
    return [kind for kind in types if kind != "code_inline"]


@pytest.mark.parametrize("name", NAMES)
def test_markdown_shows_the_name(name: str) -> None:
    output = ""
    for token in READER.parse(markdown(report(name))):
        if token.type == "inline":
            output += "".join(child.content for child in token.children or ()) + "\n"
    assert safe(f"9 reads of {name}") in output
    first = next(line for line in output.split("\n") if line.startswith("Location"))
    assert safe(f"GET {name}?id=eq.?, route {name}, called from {name}") in first


def sarif(name: str, settings: str = "") -> Any:
    return json.loads(as_sarif(report(name), RULES, "1.0", settings))


@pytest.mark.parametrize("settings", ["", "ci/fanin.toml"])
@pytest.mark.parametrize("name", [*NAMES, "app/[id]/page.tsx:7"])
def test_sarif_is_valid_keeps_its_structure_and_has_no_links(name: str, settings: str) -> None:
    log = sarif(name, settings)
    assert violations(log) == []
    results = log["runs"][0]["results"]
    assert not any("](" in result["message"]["text"] for result in results)
    levels = [
        (result["ruleId"], result["level"], result["occurrenceCount"], "suppressions" in result) for result in results
    ]
    assert levels == [
        ("FAN001", "error", 2, False),
        ("FAN016", "error", 1, False),
        ("FAN003", "note", 1, False),
        ("FAN011", "error", 3, True),
    ]


def test_sarif_contains_the_reasons_of_ignores_and_the_warnings() -> None:
    (run,) = sarif(PLAIN)["runs"]
    assert run["results"][-1]["suppressions"] == [{"kind": "external", "justification": PLAIN}]
    notes = run["invocations"][0]["toolConfigurationNotifications"]
    assert notes == [{"level": "warning", "message": {"text": f"of {PLAIN}"}}]


def test_a_finding_that_cannot_fail_a_build_is_a_note_at_any_impact() -> None:
    full = report(PLAIN)
    loose = replace(full, findings=tuple(replace(result, judged=False) for result in full.findings))
    (run,) = json.loads(as_sarif(loose, RULES, "1.0", ""))["runs"]
    assert {result["level"] for result in run["results"] if "suppressions" not in result} == {"note"}


def test_an_empty_report_says_so() -> None:
    empty = replace(report(PLAIN), findings=(), ignored=(), queries=(), routes=(), bypassed=(), warnings=())
    for output in (text(empty), markdown(empty), Page(html(empty)).text):
        for message in (
            "No findings.",
            "No finding is ignored.",
            "There is no route.",
            "No request had a bypass reason.",
        ):
            assert message in output
