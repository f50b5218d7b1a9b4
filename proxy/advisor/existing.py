"""What an index that exists already serves of a proposed one."""

from proxy.plans.proposed_index import ProposedIndex
from proxy.schema.relation import Index, IndexKey, Relation


def equal_index(candidate: ProposedIndex, relation: Relation) -> Index | None:
    """An index that has just these keys, or these and no fewer rows and columns."""
    return next((index for index in relation.indexes if _serves(index, candidate, whole=True)), None)


def wider_index(candidate: ProposedIndex, relation: Relation) -> Index | None:
    """An index whose first keys are those of the candidate; Postgres may use it, and reads more of it."""
    return next((index for index in relation.indexes if _serves(index, candidate, whole=False)), None)


def _serves(index: Index, candidate: ProposedIndex, whole: bool) -> bool:
    if not index.valid or index.method != candidate.method:
        return False
    if index.where and _bare(index.where) != _bare(candidate.where):
        return False
    if len(index.keys) < len(candidate.keys) or (whole and len(index.keys) > len(candidate.keys)):
        return False
    if index.method != "btree" and len(index.keys) != len(candidate.keys):
        return False
    pairs = list(zip(index.keys, candidate.keys, strict=False))
    turned = all(_text(key, backward=True) == wanted for key, wanted in pairs)
    same = all(_text(key, backward=False) == wanted for key, wanted in pairs)
    return (same or turned) and set(candidate.include) <= {*index.include, *(key.text for key in index.keys)}


def _text(key: IndexKey, backward: bool) -> str:
    """A key as ``candidates`` writes it; read backward, a btree has each key in the other direction."""
    descending, first = key.descending != backward, key.nulls_first != backward
    words = [key.text if key.column else f"({key.text.strip('()')})"]
    if key.collation:
        words.append(f"COLLATE {key.collation}")
    if not key.default_opclass:
        words.append(key.opclass)
    if descending:
        words += ["DESC"] if first else ["DESC", "NULLS LAST"]
    elif first:
        words.append("NULLS FIRST")
    return " ".join(words)


def _bare(predicate: str) -> str:
    """A predicate without parentheses and casts of its constant, as Postgres adds them."""
    return "".join(predicate.replace("::text", "").replace("(", "").replace(")", "").split())
