"""A finding as Markdown. Text from clients is code or escaped, so that it makes no link, HTML or mention."""

from collections.abc import Iterator

from proxy.findings.model import Finding
from proxy.findings.report import LabelledLines, fixes, parts_after_fix, parts_before_fix
from proxy.text.markdown import code_span, escaped, fenced


def finding_markdown(finding: Finding, first: LabelledLines = ()) -> Iterator[str]:
    """The report below its heading; ``first`` are further parts at its beginning."""
    yield from parts([*first, *parts_before_fix(finding)])
    for name, language, code in fixes(finding):
        yield from ("", f"Fix ({name}):", "")
        yield from fenced(language, code)
    yield ""
    yield from parts(parts_after_fix(finding))


def parts(labelled: LabelledLines) -> Iterator[str]:
    """Parts of a report as a list."""
    for label, lines in labelled:
        show = code_span if label in ("Location", "Mute with") else escaped
        yield f"- **{label}**: {'; '.join(map(show, lines))}"
