"""Lines become functions: each language's own, and whatever is in them stands where it belongs."""

from __future__ import annotations

from proxy.fixes.function_code import (
    answered_js,
    function_js,
    function_py,
    indented,
    remarks,
    statement_js,
    statement_py,
)


def test_a_function_is_its_name_its_arguments_and_its_body() -> None:
    assert function_js("f", ["a", "b"], ["return a;"]) == "async function f(a, b) {\n  return a;\n}"
    assert function_py("f", ["a", "b"], ["return a"]) == "def f(a, b):\n    return a"


def test_an_answer_is_there_or_its_error_is_thrown() -> None:
    assert answered_js([".from(t)", ".x()"], "count", source="query") == [
        "const { count, error } = await query",
        "  .from(t)",
        "  .x();",
        "if (error) throw error;",
    ]


def test_a_chain_stands_under_what_it_is_for() -> None:
    assert statement_js("let a = b", [".c()"]) == ["let a = b", "  .c();"]
    assert statement_js("let a = b", []) == ["let a = b;"]
    assert statement_py("a =", ["b", ".c()"]) == ["a = (", "    b", "    .c()", ")"]


def test_comments_and_blanks() -> None:
    assert remarks("#", ["x", "y"]) == ["# and x", "# and y"]
    assert indented(["a", "", "b"], 2) == ["  a", "", "  b"]
