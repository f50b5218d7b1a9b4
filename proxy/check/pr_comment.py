"""One comment on a pull request, in Markdown of at most 65,536 characters, with a marker by which it is found again.

Equal results make equal comments: there is no time, trace or recording in them.
"""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from urllib.parse import quote

from proxy.check.annotations import Annotation, levels
from proxy.check.verdict import BudgetProblem
from proxy.findings.markdown import finding_markdown
from proxy.text.markdown import code_span, escaped

MAX_COMMENT = 65_536
"""Characters of a comment that GitHub accepts; an emoji counts as two, as in JavaScript."""
MAX_LINE = 300
"""Characters of a line of the lists."""
MAX_LISTED = 50
"""Lines of each list."""
RESERVED = 300
"""Characters for the last lines, which say what does not fit."""


def marker(command: str, settings: str) -> str:
    """The first line. It differs between commands, and between files of settings."""
    return f"<!-- fanin {command} {quote(settings).replace('-', '%2D')} -->"


def pr_comment(found: Sequence[Annotation], first: str, title: str, summary: str) -> str:
    """The comment: ``first`` is the marker, ``title`` and ``summary`` have no text from clients."""
    failing = levels(found, "error")
    blocks = [
        f"{first}\n### {title}\n\n{summary}\n",
        *_list("Fails", failing),
        *_list("Warnings", levels(found, "warning")),
        *_list("Notes, which fail nothing", levels(found, "notice")),
    ]
    details = ["\n".join(_details(problem)) for problem in failing if problem.finding is not None]
    return _fitted(blocks, details)


def _fitted(blocks: Iterable[str], details: Sequence[str]) -> str:
    """The blocks, and as many of ``details`` as fit: a detail is left out as a whole."""
    text, used, left_out = [], 0, 0
    for block in [*blocks, *details]:
        size = _size(block) + 1
        if used + size > MAX_COMMENT - RESERVED:
            left_out += 1
            continue
        text.append(block)
        used += size
    if left_out:
        text.append(f"{left_out} more do not fit here: the log of the job, or `--format text`, has all.\n")
    return "\n".join(text)


def _size(text: str) -> int:
    return len(text.encode("utf-16-le", "replace")) // 2


def _list(title: str, problems: Sequence[BudgetProblem]) -> Iterator[str]:
    """A block with a line per problem; nothing without problems."""
    if not problems:
        return
    lines = [f"**{title}** ({len(problems)})", ""]
    for problem in problems[:MAX_LISTED]:
        route = f", route {_shown(problem.route)}" if problem.route else ""
        lines.append(f"- {escaped(problem.code)} {_shown(problem.what)}{route}")
    if len(problems) > MAX_LISTED:
        lines.append(f"- and {len(problems) - MAX_LISTED} more")
    yield "\n".join([*lines, ""])


def _shown(text: str) -> str:
    """Text from clients on one line, as code: it makes no link and mentions nobody."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return code_span(line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]}…")


def _details(problem: BudgetProblem) -> Iterator[str]:
    """A finding that opens on a click. Its summary is HTML, in which Markdown's escapes are not read."""
    finding = problem.finding
    if finding is None:
        return
    title = " ".join(f"[{finding.impact}: {finding.code}] {finding.title}".split())[:MAX_LINE]
    yield f"<details><summary><code>{escape(title)}</code></summary>\n"
    yield from finding_markdown(finding)
    yield "\n</details>\n"
