"""The words of PostgREST's query language: names, paths into JSON, quoted values. Read as its own parser reads them.

Source: PostgREST 12, ``ApiRequest/QueryParams.hs``; https://postgrest.org/en/v12/references/api/tables_views.html
"""

from collections.abc import Callable

import msgspec

MAX_QUOTED = 80
"""Characters of a text that is repeated in an error."""


class GrammarError(ValueError):
    """Something that PostgREST's parser does not take either; the message says what was expected, and where."""


class TooDeepError(GrammarError):
    """Something that PostgREST may take, and is nested deeper than is read here."""

    def __init__(self, levels: int) -> None:
        super().__init__(f"it is nested deeper than the {levels} levels that are read here")


class Step(msgspec.Struct, frozen=True):
    """One step into JSON: ``->key`` or ``->>key``; an ``index`` counts array elements."""

    arrow: str
    key: str
    index: bool


class FieldPath(msgspec.Struct, frozen=True):
    """A column, or a path into one. The column ``*`` is all of them."""

    name: str
    path: tuple[Step, ...] = ()

    def __str__(self) -> str:
        return self.name + "".join(step.arrow + step.key for step in self.path)


class Cursor:
    """A place in a text that is read from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.at = 0

    def __repr__(self) -> str:
        return f"<Cursor at={self.at} of {len(self._text)}>"

    @property
    def ended(self) -> bool:
        return self.at >= len(self._text)

    @property
    def rest(self) -> str:
        return self._text[self.at :]

    def sees(self, *words: str) -> bool:
        """Whether one of ``words`` comes next."""
        return self._text.startswith(words, self.at)

    def take(self, word: str) -> bool:
        """Whether ``word`` came next; then it is read."""
        if not self.sees(word):
            return False
        self.at += len(word)
        return True

    def expect(self, word: str) -> None:
        """Read ``word``, or fail."""
        if not self.take(word):
            raise self.error(f"'{word}'")

    def blanks(self) -> None:
        """Read over blanks and tabs."""
        self.run(" \t".__contains__)

    def run(self, belongs: Callable[[str], bool]) -> str:
        """All characters that follow and belong; may be empty."""
        begin = self.at
        while not self.ended and belongs(self._text[self.at]):
            self.at += 1
        return self._text[begin : self.at]

    def error(self, wanted: str) -> GrammarError:
        """What to raise where ``wanted`` was expected."""
        return GrammarError(f"{wanted} expected at character {self.at + 1} of '{self._text[:MAX_QUOTED]}'")

    # Words of the language.

    def quoted(self) -> str | None:
        """What stands between double quotes, where a backslash takes any character; None for anything else."""
        begin, found = self.at, []
        if not self.take('"'):
            return None
        while not self.ended and not self.sees('"'):
            self.take("\\")
            found.append(self._text[self.at : self.at + 1])
            self.at += 1
        if self.take('"'):
            return "".join(found)
        self.at = begin
        return None

    def name(self) -> str:
        """A quoted name, or one of letters, digits, ``_``, ``$``, blanks and dashes."""
        quoted = self.quoted()
        return self._dashed(_in_name, "a name") if quoted is None else quoted

    def identifier(self) -> str:
        """The name of a type or of a language, never quoted."""
        return self._some(_in_name, "a name")

    def field(self) -> FieldPath:
        """A column or a path, with blanks around it."""
        self.blanks()
        field = FieldPath(self.name(), self.path())
        self.blanks()
        return field

    def path(self) -> tuple[Step, ...]:
        """Steps into JSON; none is a path too."""
        steps = []
        while arrow := next((arrow for arrow in ("->>", "->") if self.take(arrow)), ""):
            index = self._index()
            steps.append(Step(arrow, self._key() if index is None else index, index is not None))
        return tuple(steps)

    def _index(self) -> str | None:
        begin = self.at
        self.take("-")
        if self.run(_is_digit) and (self.ended or self.sees("->", "::", ".", ",")):
            return self._text[begin : self.at]
        self.at = begin
        return None

    def _key(self) -> str:
        quoted = self.quoted()
        return self._dashed(_in_key, "a key") if quoted is None else quoted

    def _dashed(self, belongs: Callable[[str], bool], wanted: str) -> str:
        """Parts joined by dashes that begin no arrow."""
        parts = [self._some(belongs, wanted)]
        while self.sees("-") and not self.sees("->"):
            self.take("-")
            parts.append(self._some(belongs, wanted))
        return "-".join(parts)

    def _some(self, belongs: Callable[[str], bool], wanted: str) -> str:
        found = self.run(belongs)
        if not found:
            raise self.error(wanted)
        return found.strip()


def _in_name(character: str) -> bool:
    return character.isalpha() or _is_digit(character) or character in "_ $"


def _in_key(character: str) -> bool:
    return character not in "(-:.,>)"


def _is_digit(character: str) -> bool:
    return character in "0123456789"
