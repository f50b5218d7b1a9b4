"""What an SQL expression of a policy, view or index does, as values; ``parsing.py`` computes them."""

import msgspec


class ColumnUse(msgspec.Struct, frozen=True):
    """A column that an expression reads."""

    name: str
    relation: str = ""
    """Table or alias it is qualified with; empty for a column of the relation that the expression belongs to."""
    subselect: bool = False
    """Whether it stands inside a subselect."""


class FunctionCall(msgspec.Struct, frozen=True):
    """A call of a function in an expression."""

    schema: str
    """Empty if it is not qualified: with the search path of the snapshot, that is pg_catalog."""
    name: str
    arguments: tuple[str, ...] = ()
    once: bool = False
    """Whether it runs once per statement: it stands inside a subselect that does not refer to the row outside."""
    columns: tuple[ColumnUse, ...] = ()
    """Columns in its arguments."""
    start: int = -1
    """Offset of the call, with its schema, in the text of the expression; -1 if it is not known."""
    end: int = -1
    """Offset behind its closing parenthesis."""
    array: bool = False
    """It is the array of ``= ANY (…)``."""

    @property
    def qualified(self) -> str:
        """``schema.name``."""
        return f"{self.schema}.{self.name}" if self.schema else self.name


class ComparedColumn(msgspec.Struct, frozen=True):
    """A column of the relation of an expression, compared by ``=``, ``IN`` or ``= ANY`` with something."""

    name: str
    casts: tuple[str, ...] = ()
    """Types that it is cast to before, the first applied first: an index by the column alone may not serve that."""
    calls: tuple[tuple[str, str], ...] = ()
    """Schema and name of the functions that compute what it is compared with, outside of subselects."""


class SearchedArm(msgspec.Struct, frozen=True):
    """An operand of OR, or a condition without one: an index by any of these columns finds its rows."""

    equal: tuple[ComparedColumn, ...] = ()
    others: tuple[str, ...] = ()
    """Columns that are boolean, compared with a range, or null: such rows may be many."""


Conjunct = tuple[SearchedArm, ...]
"""The operands of OR: an index is of use only if there is one for each."""


class Expression(msgspec.Struct, frozen=True):
    """The parts of an expression that rules ask about; only ``text`` is set where ``parsed`` is false.

    What never runs, such as the ELSE of ``CASE WHEN true``, is not among them.
    """

    text: str
    """As Postgres prints it."""
    parsed: bool = True
    always_true: bool = False
    """It is true for each row: ``true``, ``1 = 1``, an OR of such, or a CASE or COALESCE that comes to it."""
    always_false: bool = False
    """It is false or null for each row."""
    columns: tuple[ColumnUse, ...] = ()
    calls: tuple[FunctionCall, ...] = ()
    relations: tuple[str, ...] = ()
    """Relations that its subselects read, as written: ``schema.name``."""
    conjuncts: tuple[Conjunct, ...] = ()
    """The operands of AND; none if it is the same for each row."""
    user_metadata: bool = False
    """It reads ``user_metadata`` or ``raw_user_meta_data``, which users can change themselves."""

    @property
    def equal_columns(self) -> tuple[ComparedColumn, ...]:
        """Columns by which an index could find the rows."""
        useful = (one for each in self.conjuncts if all(arm.equal or arm.others for arm in each) for one in each)
        return tuple(dict.fromkeys(compared for arm in useful for compared in arm.equal))
