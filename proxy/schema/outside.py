"""Whether a write to a table may do something that a rollback does not undo."""

import re
from collections.abc import Iterator, Mapping, Sequence

from proxy.schema.relation import Relation, Trigger
from proxy.schema.snapshot import Database, Function

OUTSIDE = re.compile(
    r"\b(pg_notify\b|notify\b|dblink|https?_\w|http\s*\(|net\.|lo_export|pg_file_|aws_\w|setval\b|program\b)",
    re.IGNORECASE,
)
"""Words of functions and statements that tell others something, or write what no rollback takes back."""
READ_LANGUAGES = ("plpgsql", "sql")
CASCADES = ("CASCADE", "SET NULL", "SET DEFAULT")
WORD = re.compile(r"\w+")


def reaches_outside(relation: Relation, database: Database) -> str:
    """Why a write to the table, or to one that foreign keys write with it, may reach outside; empty if it does not."""
    names = _Names(database)
    return next(filter(None, (_of_table(table, names) for table in _written_with(relation, database))), "")


class _Names:
    """What texts may name: functions by their name, and foreign tables."""

    def __init__(self, database: Database) -> None:
        self.functions: dict[str, list[Function]] = {}
        for function in database.functions:
            self.functions.setdefault(function.name, []).append(function)
        self.foreign = frozenset(relation.name for relation in database.relations if relation.kind == "f")


def _written_with(relation: Relation, database: Database) -> Iterator[Relation]:
    """The table, partitions, and the tables whose rows foreign keys change with its own."""
    waiting, seen = [relation], set[str]()
    while waiting:
        table = waiting.pop()
        if table.full_name in seen:
            continue
        seen.add(table.full_name)
        yield table
        for other in database.relations:
            keys = (key for key in other.foreign_keys if (key.target_schema, key.target) == (table.schema, table.name))
            changed = any(key.on_delete in CASCADES or key.on_update in CASCADES for key in keys)
            if changed or (table.kind == "p" and other.partition):
                waiting.append(other)


def _of_table(table: Relation, names: _Names) -> str:
    if table.kind == "f":
        return f"{table.full_name} is a foreign table"
    for trigger in table.triggers:
        if trigger.enabled and (why := _of_trigger(trigger, names)):
            return f"trigger {trigger.name} of {table.full_name} {why}"
    texts = [column.default for column in table.columns]
    texts += [clause.text for policy in table.policies for _, clause in policy.expressions]
    why = next(filter(None, (_of_text(text, names, ()) for text in texts)), "")
    return f"a default or a policy of {table.full_name} {why}" if why else ""


def _of_trigger(trigger: Trigger, names: _Names) -> str:
    if trigger.function_schema == "pg_catalog":
        return ""
    if OUTSIDE.search(trigger.function):
        return f"calls {trigger.function}()"
    known = [each for each in names.functions.get(trigger.function, ()) if each.schema == trigger.function_schema]
    if not known:
        return f"calls {trigger.function}(), which could not be read"
    return _of_functions(known, names, ())


def _of_functions(functions: Sequence[Function], names: _Names, within: Sequence[str]) -> str:
    for function in functions:
        if function.managed or function.full_name in within:
            continue  # those of extensions that reach outside are known by their names
        if function.language not in READ_LANGUAGES or not function.body.strip():
            return f"calls {function.full_name}(), whose body could not be read"
        if why := _of_text(function.body, names, (*within, function.full_name)):
            return why
    return ""


def _of_text(text: str, names: _Names, within: Sequence[str]) -> str:
    """Why SQL or a body reaches outside, by itself or by the functions that it names."""
    if found := OUTSIDE.search(text):
        return f"uses {WORD.findall(found[0])[0].lower()}"
    words = set(WORD.findall(text))
    if used := sorted(words & names.foreign):
        return f"uses the foreign table {used[0]}"
    called: Mapping[str, list[Function]] = names.functions
    reasons = (_of_functions(called[word], names, within) for word in sorted(words & called.keys()))
    return next(filter(None, reasons), "")
