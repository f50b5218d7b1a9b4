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
        self.position = 0

    def __repr__(self) -> str:
        return f"<Cursor at={self.position} of {len(self._text)}>"

    @property
    def at_end(self) -> bool:
        return self.position >= len(self._text)

    @property
    def rest(self) -> str:
        return self._text[self.position :]

    def peek(self, *words: str) -> bool:
        """Whether one of ``words`` comes next."""
        return self._text.startswith(words, self.position)

    def accept(self, word: str) -> bool:
        """Whether ``word`` came next; then it is read."""
        if not self.peek(word):
            return False
        self.position += len(word)
        return True

    def expect(self, word: str) -> None:
        """Read ``word``, or fail."""
        if not self.accept(word):
            raise self.error(f"'{word}'")

    def skip_blanks(self) -> None:
        """Read over blanks and tabs."""
        self.take_while(" \t".__contains__)

    def take_while(self, belongs: Callable[[str], bool]) -> str:
        """All characters that follow and belong; may be empty."""
        begin = self.position
        while not self.at_end and belongs(self._text[self.position]):
            self.position += 1
        return self._text[begin : self.position]

    def error(self, wanted: str) -> GrammarError:
        """What to raise where ``wanted`` was expected."""
        return GrammarError(f"{wanted} expected at character {self.position + 1} of '{self._text[:MAX_QUOTED]}'")

    # Words of the language.

    def quoted(self) -> str | None:
        """What stands between double quotes, where a backslash takes any character; None for anything else."""
        begin, found = self.position, []
        if not self.accept('"'):
            return None
        while not self.at_end and not self.peek('"'):
            self.accept("\\")
            found.append(self._text[self.position : self.position + 1])
            self.position += 1
        if self.accept('"'):
            return "".join(found)
        self.position = begin
        return None

    def name(self) -> str:
        """A quoted name, or one of letters, digits, ``_``, ``$``, blanks and dashes."""
        quoted = self.quoted()
        return self._dash_separated(_in_name, "a name") if quoted is None else quoted

    def identifier(self) -> str:
        """The name of a type or of a language, never quoted."""
        return self._non_empty(_in_name, "a name")

    def field(self) -> FieldPath:
        """A column or a path, with blanks around it."""
        self.skip_blanks()
        field = FieldPath(self.name(), self.path())
        self.skip_blanks()
        return field

    def path(self) -> tuple[Step, ...]:
        """Steps into JSON; none is a path too."""
        steps = []
        while arrow := next((arrow for arrow in ("->>", "->") if self.accept(arrow)), ""):
            index = self._index()
            steps.append(Step(arrow, self._key() if index is None else index, index is not None))
        return tuple(steps)

    def _index(self) -> str | None:
        begin = self.position
        self.accept("-")
        if self.take_while(_is_digit) and (self.at_end or self.peek("->", "::", ".", ",")):
            return self._text[begin : self.position]
        self.position = begin
        return None

    def _key(self) -> str:
        quoted = self.quoted()
        return self._dash_separated(_in_key, "a key") if quoted is None else quoted

    def _dash_separated(self, belongs: Callable[[str], bool], wanted: str) -> str:
        """Parts joined by dashes that begin no arrow."""
        parts = [self._non_empty(belongs, wanted)]
        while self.peek("-") and not self.peek("->"):
            self.accept("-")
            parts.append(self._non_empty(belongs, wanted))
        return "-".join(parts)

    def _non_empty(self, belongs: Callable[[str], bool], wanted: str) -> str:
        found = self.take_while(belongs)
        if not found:
            raise self.error(wanted)
        return found.strip()


def _in_name(character: str) -> bool:
    return character.isalpha() or _is_digit(character) or character in "_ $"


def _in_key(character: str) -> bool:
    return character not in "(-:.,>)"


def _is_digit(character: str) -> bool:
    return character in "0123456789"
