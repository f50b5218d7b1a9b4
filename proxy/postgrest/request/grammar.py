"""Tokens of PostgREST's query language (names, paths into JSON, quoted values), read as PostgREST's parser does.

Source: PostgREST 12, ``ApiRequest/QueryParams.hs``; https://postgrest.org/en/v12/references/api/tables_views.html
"""

from collections.abc import Callable

import msgspec

MAX_QUOTED = 80
"""Largest number of characters of the input that an error message quotes."""


class GrammarError(ValueError):
    """A syntax error for PostgREST's parser too. The message says what was expected, and at which character."""


class TooDeepError(GrammarError):
    """A nesting that PostgREST may accept, but that is deeper than this parser reads."""

    def __init__(self, levels: int) -> None:
        super().__init__(f"it is nested deeper than {levels} levels, the most that fanin reads")


class Step(msgspec.Struct, frozen=True):
    """One step into JSON: ``->key`` or ``->>key``; ``index`` says that the key is an array index."""

    arrow: str
    key: str
    index: bool


class FieldPath(msgspec.Struct, frozen=True):
    """A column, or a path into one. The name ``*`` means all columns."""

    name: str
    path: tuple[Step, ...] = ()

    def __str__(self) -> str:
        return self.name + "".join(step.arrow + step.key for step in self.path)


class Cursor:
    """A position in a text that is parsed from left to right."""

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

    def since(self, position: int) -> str:
        """The text that was consumed from ``position`` on."""
        return self._text[position : self.position]

    def peek(self, *words: str) -> bool:
        """Whether one of ``words`` comes next. Consumes nothing."""
        return self._text.startswith(words, self.position)

    def accept(self, word: str) -> bool:
        """Consume ``word`` if it comes next. Returns whether it did."""
        if not self._text.startswith(word, self.position):
            return False
        self.position += len(word)
        return True

    def expect(self, word: str) -> None:
        """Consume ``word``; GrammarError if it does not come next."""
        if not self.accept(word):
            raise self.error(f"'{word}'")

    def skip_blanks(self) -> None:
        """Consume blanks and tabs."""
        if self._text.startswith((" ", "\t"), self.position):
            self.take_while(" \t".__contains__)

    def take_while(self, belongs: Callable[[str], bool]) -> str:
        """Consume the characters up to the first that does not belong. Returns them; may be empty."""
        text, begin = self._text, self.position
        at, end = begin, len(text)
        while at < end and belongs(text[at]):
            at += 1
        self.position = at
        return text[begin:at]

    def error(self, expected: str) -> GrammarError:
        """The error to raise if ``expected`` does not come next."""
        return GrammarError(f"{expected} expected at character {self.position + 1} of '{self._text[:MAX_QUOTED]}'")

    # Tokens of the language.

    def whole_name(self, *ends: str) -> str:
        """A name of ASCII letters, digits and ``_`` with the end of the text or one of ``ends`` behind it; else empty,
        and nothing is consumed. Most names are that, and reading them is fast.
        """
        begin, text = self.position, self.take_while(_in_plain_name)
        if text and (self.at_end or self.peek(*ends)):
            return text
        self.position = begin
        return ""

    def quoted(self) -> str | None:
        """A text between double quotes, in which a backslash escapes any character; None if there is none."""
        if not self.peek('"'):
            return None
        text, at, characters = self._text, self.position + 1, []
        while at < len(text) and text[at] != '"':
            at += text[at] == "\\"
            characters.append(text[at : at + 1])
            at += 1
        if at >= len(text):
            return None
        self.position = at + 1
        return "".join(characters)

    def name(self) -> str:
        """A quoted name, or a name of letters, digits, ``_``, ``$``, blanks and dashes."""
        quoted = self.quoted()
        return self._dash_separated(_in_name, "a name") if quoted is None else quoted

    def identifier(self) -> str:
        """The name of a type or of a language, which cannot be quoted."""
        return self._non_empty(_in_name, "a name")

    def field(self) -> FieldPath:
        """A column or a path, which may have blanks around it."""
        self.skip_blanks()
        field = FieldPath(self.name(), self.path())
        self.skip_blanks()
        return field

    def path(self) -> tuple[Step, ...]:
        """Steps into JSON; may be empty."""
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

    def _dash_separated(self, belongs: Callable[[str], bool], expected: str) -> str:
        """Parts separated by dashes; a dash that begins an arrow ends the text."""
        parts = [self._non_empty(belongs, expected)]
        while self.peek("-") and not self.peek("->"):
            self.accept("-")
            parts.append(self._non_empty(belongs, expected))
        return "-".join(parts)

    def _non_empty(self, belongs: Callable[[str], bool], expected: str) -> str:
        text = self.take_while(belongs)
        if not text:
            raise self.error(expected)
        return text.strip()


def _in_plain_name(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character == "_")


def _in_name(character: str) -> bool:
    return character.isalpha() or _is_digit(character) or character in "_ $"


def _in_key(character: str) -> bool:
    return character not in "(-:.,>)"


def _is_digit(character: str) -> bool:
    return character in "0123456789"
