"""Generates the pages of docs/reference from the code: settings, series, codes, rules, the command line.

``make docs`` writes them. The text of a page consists of the help texts of its entries.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proxy.admin.gauges import SERIES
from proxy.commands.main import EXITS, command_line
from proxy.errors.codes import BYPASS_REASONS, COMPARISON_RESULTS, FALLBACK_REASONS, FAULTS
from proxy.errors.remedies import BYPASS_REMEDIES, FALLBACK_REMEDIES
from proxy.errors.words import ALONE, CALL_KINDS, OUTCOMES, TRACE_KINDS
from proxy.findings.ignores import Ignore
from proxy.observe.series import Series
from proxy.reference.agent_files import agent_files
from proxy.reference.audit_page import audit
from proxy.reference.headers_page import headers
from proxy.reference.parts import readme_parts, renewed, summary
from proxy.reference.recording_page import recording
from proxy.settings.budgets import Budget, Growth
from proxy.settings.declared import declared
from proxy.settings.model import Settings
from proxy.settings.tables import Override
from proxy.text.markdown import quoted, table
from rules import RULES

if TYPE_CHECKING:
    from proxy.settings_base import Section

MADE = "<!-- Made by `make docs`: change the declarations in the code, not this page. -->"
Schema = Mapping[str, Any]


def pages() -> dict[str, str]:
    """All pages by file name."""
    made = {
        "settings": _settings,
        "metrics": _metrics,
        "codes": _codes,
        "rules": _rules,
        "headers": headers,
        "cli": _cli,
        "recording": recording,
        "audit": audit,
    }
    return {f"{name}.md": f"{MADE}\n" + "\n".join(page()) + "\n" for name, page in made.items()}


def main(folder: Path, readme: Path) -> None:
    """Write the pages into ``folder``, the files for agents beside it, and the generated parts of ``readme``."""
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")
    for name, text in agent_files(folder.parent).items():
        (folder.parent / name).parent.mkdir(exist_ok=True)
        (folder.parent / name).write_text(text, encoding="utf-8")
    readme.write_text(renewed(readme.read_text(encoding="utf-8"), readme_parts()), encoding="utf-8")


def _settings() -> Iterator[str]:
    yield from (
        "# Settings",
        "",
        "A flag overrides a `FANIN_…` variable, and that overrides the TOML file of `--config`:"
        " [how to give them](../how-to/operate.md#settings). The variable of `merge.max_keys` is"
        " `FANIN_MERGE__MAX_KEYS`. Durations are seconds, sizes are bytes.",
        "",
        "The last column: *restart*: a change needs a restart (all others change on `SIGHUP`). *override*:"
        " `[[override]]` can set another value for a relation or a route.",
        "",
    )
    root = Settings.model_json_schema()
    groups: dict[str, list[Sequence[str]]] = {}
    for name in declared():
        groups.setdefault(name.rpartition(".")[0], []).append(_setting(name, _schema(root, name)))
    for group, rows in groups.items():
        yield from (f"## `[{group}]`" if group else "## At the top of the file", "")
        yield from table(("setting", "default", "takes", "what it is for", ""), rows)
    tables: dict[str, type[Section]] = {"override": Override, "ignore": Ignore, "budget": Budget, "growth": Growth}
    for name, model in tables.items():
        fields = model.model_json_schema()["properties"].items()
        yield from (f"## `[[{name}]]`", "", (model.__doc__ or "").strip(), "")
        yield from table(
            ("name", "takes", "what it is for"),
            ((quoted(field), _takes(schema), schema["description"]) for field, schema in fields),
        )


def _schema(root: Schema, name: str) -> Schema:
    """The JSON schema of a setting."""
    schema: Schema = root
    for part in name.split("."):
        schema = schema["properties"][part]
        reference = schema.get("$ref", "").rpartition("/")[2]
        schema = root["$defs"][reference] if reference else schema
    return schema


def _setting(name: str, schema: Schema) -> Sequence[str]:
    marks = declared()[name]
    default = schema.get("default")
    default_text = "" if default in (None, "", []) else quoted(json.dumps(default, ensure_ascii=False))
    properties = [word for word in ("restart", "override", "secret") if getattr(marks, word)]
    return quoted(name), default_text, _takes(schema), marks.help, ", ".join(properties)


def _takes(schema: Schema) -> str:
    """The values that a setting accepts, in words."""
    choices = [each for each in schema.get("anyOf", (schema,)) if each.get("type") != "null"]
    (kind,) = choices[:1]
    if "enum" in kind:
        return ", ".join(quoted(each) for each in kind["enum"])
    if kind["type"] == "array":
        return "tables" if "$ref" in kind["items"] else "a list of texts"
    words = {"boolean": "`true`, `false`", "integer": "a whole number", "number": "a number", "object": "settings"}
    bounds = {"exclusiveMinimum": "above", "minimum": "from", "maximum": "up to"}
    limits = [f"{word} {kind[bound]:g}" for bound, word in bounds.items() if bound in kind]
    text = "a day" if kind.get("format") == "date" else "text"
    return " ".join([words.get(kind["type"], text), *limits])


def _metrics() -> Iterator[str]:
    yield from (
        "# Metrics",
        "",
        "`/metrics` of the admin port, and of `--metrics`, in Prometheus' text format or, if the client accepts it,"
        " as OpenMetrics with exemplars. It also has the `process_…` series. Every label is bounded: relations and"
        " routes by `limits.relations`; further ones are `other`.",
        "",
        "`relation` is `schema.relation`: the schema is the one that the request's profile names, else the first of"
        " `catalog.schemas`. It is empty for requests without a table or view.",
        "",
    )
    rows = (
        (quoted(_exposed(name, series)), series.kind, _labels(series), series.help) for name, series in SERIES.items()
    )
    yield from table(("series", "kind", "labels", "what it says"), rows)
    yield "A histogram has `_bucket`, `_sum` and `_count`. Upper bounds of their buckets:"
    yield ""
    bounds: dict[tuple[float, ...], list[str]] = {}
    for name, series in SERIES.items():
        if series.bounds:
            bounds.setdefault(series.bounds, []).append(quoted(f"fanin_{name}"))
    for values, names in bounds.items():
        yield f"- {', '.join(names)}: {', '.join(f'{value:g}' for value in values)}, +Inf"


def _exposed(name: str, series: Series) -> str:
    return f"fanin_{name}" + ("_total" if series.kind == "counter" else "")


def _labels(series: Series) -> str:
    return ", ".join(map(quoted, series.labels))


def _codes() -> Iterator[str]:
    yield from (
        "# Codes and reasons",
        "",
        "`fanin explain WORD` prints each of these.",
        "",
        "## Errors of fanin's own",
        "",
        "Their body has PostgREST's shape: `code`, `message`, `details`, `hint`. Counted in `fanin_faults_total{code}`,"
        " or `fanin_turned_down_total{code}` where there was no request yet.",
        "",
    )
    faults = ((quoted(code), str(fault.status), f"{fault.message}.", fault.hint) for code, fault in FAULTS.items())
    yield from table(("code", "status", "what happened", "what to do"), faults)
    yield from _meanings("Outcomes: how a request was answered", "outcome", OUTCOMES | ALONE)
    yield from ("## Bypass reasons: why a request was not merged", "")
    yield from ("Counted in `fanin_bypassed_total{reason}`, said by `X-Fanin` and `--debug`.", "")
    bypass_reasons = ((quoted(reason), text, BYPASS_REMEDIES[reason]) for reason, text in BYPASS_REASONS.items())
    yield from table(("reason", "why", "to change that"), bypass_reasons)
    yield from ("## Fallback reasons: why the originals were sent after a merged call", "")
    yield from (
        "Counted in `fanin_fallbacks_total{reason}`. No caller sees anything of it but the time that it takes.",
        "",
    )
    fallbacks = ((quoted(reason), text, FALLBACK_REMEDIES[reason]) for reason, text in FALLBACK_REASONS.items())
    yield from table(("reason", "what was wrong", "if it comes often"), fallbacks)
    yield from _meanings("Kinds of upstream calls", "kind", CALL_KINDS)
    yield from _meanings("Kinds of traces", "kind", TRACE_KINDS)
    yield from ("## Comparisons: what came of them", "")
    yield from ("Counted in `fanin_shadow_total{result}`.", "")
    yield from table(
        ("result", "what it means"), ((quoted(result), text) for result, text in COMPARISON_RESULTS.items())
    )


def _meanings(title: str, head: str, texts: Mapping[str, str]) -> Iterator[str]:
    yield from (f"## {title}", "")
    yield from table((head, "what it means"), ((quoted(word), text) for word, text in texts.items()))


def _rules() -> Iterator[str]:
    yield from ("# Rules", "", "Each rule has a level: `off`, `report`, or `rewrite` if the rule supports it.", "")
    rows = [
        (
            f"[{rule.code}](#{rule.code.lower()}-{rule.name})",
            rule.name,
            rule.safety,
            ", ".join(map(quoted, rule.levels)),
            quoted(rule.default_level),
        )
        for rule in RULES
    ]
    yield from table(("code", "name", "safety", "levels", "default"), rows)
    for rule in RULES:
        yield from (f"## {rule.code} {rule.name}", "", summary(rule))
        yield from _document(rule.document)


def _document(document: str) -> Iterator[str]:
    """A rule's docstring below its first line, as Markdown: headings are underlined, examples indented after ``::``."""
    _, *lines = document.strip().splitlines()
    inside = False
    for at, line in enumerate(lines):
        under = lines[at + 1] if at + 1 < len(lines) else ""
        if inside and line and not line.startswith("    "):
            inside = False
            yield from ("```", "")
        if under and set(under) == {"-"}:
            yield f"### {line}"
        elif line == "::":
            inside = True
            yield "```http"
        elif not (line and set(line) == {"-"}) and (line or not inside):
            yield line.removeprefix("    ").replace("``", "`")
    yield from (["```"] if inside else [])
    yield ""


def _cli() -> Iterator[str]:
    whole = command_line()
    yield from ("# The command line", "", str(whole.description), "")
    (commands,) = (action for action in whole._actions if isinstance(action, argparse._SubParsersAction))
    helps = {choice.dest: choice.help or "" for choice in commands._choices_actions}
    yield from table(("command", "what it does"), ((quoted(f"fanin {name}"), text) for name, text in helps.items()))
    settings = _words(commands.choices["config"])
    for name, command in commands.choices.items():
        words = _words(command)
        takes_all = len(settings.keys() - words.keys()) <= 1  # fanin explain has another --admin
        own = {word: text for word, text in words.items() if not (takes_all and word in settings)}
        yield from (f"## `fanin {name}`", "")
        if own:
            yield from table(("word", "what it is for"), own.items())
        if takes_all:
            yield from ("Takes [the flags of settings](#flags-of-settings).", "")
    yield from ("## Flags of settings", "")
    yield from table(("flag", "what it is for"), settings.items())
    yield from ("## Exit codes", "")
    yield from table(("code", "what it means"), ((quoted(str(code)), text) for code, text in EXITS.items()))


def _words(command: argparse.ArgumentParser) -> dict[str, str]:
    """The arguments and options of a command, as they are written, with their help texts."""
    known = (
        action
        for action in command._actions
        if "--help" not in action.option_strings and action.help is not argparse.SUPPRESS
    )
    return {_word(action): (action.help or "").replace("%%", "%") for action in known}


def _word(action: argparse.Action) -> str:
    """How an option or an argument is written."""
    takes = "" if action.nargs == 0 else str(action.metavar or action.dest.upper())
    return quoted(" ".join(filter(None, [", ".join(action.option_strings), takes])))
