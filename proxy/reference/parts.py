"""Generated parts of hand-written pages; each part is between two marks.

The marks of a part are comments: ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->``.
"""

import re
from collections.abc import Iterator, Mapping

from proxy.analysis.rule import AnyRule
from rules import RULES

WORDS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)


def renewed(text: str, parts: Mapping[str, str]) -> str:
    """``text`` with its parts replaced by ``parts``, by name. ValueError if the marks of a part are missing."""
    for name, part in parts.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        if not re.search(f"{begin}.*{end}", text, re.DOTALL):
            raise ValueError(f"the page has no marks for '{name}': put {begin}{end} at its place")
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}{part}{end}{rest.partition(end)[2]}"
    return text


def readme_parts() -> dict[str, str]:
    """The generated parts of README.md, by name."""
    return {"rule-count": in_words(len(RULES)), "rules": "\n" + "\n".join(_rules()) + "\n"}


def in_words(count: int) -> str:
    """``sixteen``; digits above twenty."""
    return WORDS[count] if count < len(WORDS) else str(count)


def summary(rule: AnyRule) -> str:
    """The first line of the rule's document without code and name, as a sentence in Markdown."""
    text = rule.document.partition(": ")[2].partition("\n")[0].replace("``", "`")
    return text[0].upper() + text[1:]


def _rules() -> Iterator[str]:
    yield from ("| code | name | what it is |", "|---|---|---|")
    for rule in RULES:
        place = f"docs/reference/rules.md#{rule.code.lower()}-{rule.name}"
        yield f"| [{rule.code}]({place}) | {rule.name} | {summary(rule).removesuffix('.')} |"
