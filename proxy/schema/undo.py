"""Statements with what undoes them, as findings print both."""


def with_undo(statements: str, undo: str) -> str:
    """``statements``, then ``undo`` as a comment. Each of its lines is one: a name or a text can contain line breaks,
    and what follows one would be run.
    """
    return "\n".join([statements, *(f"-- {line}" for line in f"undo: {undo}".split("\n"))])
