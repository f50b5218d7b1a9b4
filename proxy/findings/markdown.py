"""A finding as Markdown. Text from clients is code or escaped, so that it makes no link, HTML or mention."""

from collections.abc import Iterator
from itertools import groupby

from proxy.findings.model import Finding
from proxy.findings.report import LabelledLines, fixes, parts_after_fix, parts_before_fix, plan_of
from proxy.text.markdown import code_span, escaped, fenced
from proxy.text.terminal import safe


def finding_markdown(finding: Finding, first: LabelledLines = ()) -> Iterator[str]:
    """The report below its heading; ``first`` are further parts at its beginning."""
    yield from parts([*first, *parts_before_fix(finding)])
    yield from _plans(finding)
    for name, language, code in fixes(finding):
        yield from ("", f"Fix ({name}):", "")
        yield from fenced(language, code)
    yield ""
    yield from parts(parts_after_fix(finding))


def parts(labelled: LabelledLines) -> Iterator[str]:
    """Parts of a report as a list."""
    for label, lines in labelled:
        show = code_span if label in ("Location", "Mute with") else escaped
        yield f"- **{label}**: {'; '.join(show(line) for line in lines if not plan_of(line))}"


def _plans(finding: Finding) -> Iterator[str]:
    """The plans of the evidence, which are trees."""
    for which, group in groupby(map(safe, finding.evidence), plan_of):
        if which:
            yield from ("", f"Plan {which} the fix:", "")
            yield from fenced("text", [line.removeprefix(f"{which}: ") for line in group])
