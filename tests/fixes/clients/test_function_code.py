"""Lines become functions, statements and comments of each language."""

from __future__ import annotations

from proxy.fixes.clients.function_code import (
    checked_call_js,
    function_js,
    function_py,
    indent,
    statement_js,
    statement_py,
)


def test_a_function_has_its_name_arguments_and_body() -> None:
    assert function_js("f", ["a", "b"], ["return a;"]) == "async function f(a, b) {\n  return a;\n}"
    assert function_py("f", ["a", "b"], ["return a"]) == "def f(a, b):\n    return a"


def test_a_checked_call_defines_the_result_or_throws_the_error() -> None:
    assert checked_call_js([".from(t)", ".x()"], "count", source="query") == [
        "const { count, error } = await query",
        "  .from(t)",
        "  .x();",
        "if (error) throw error;",
    ]


def test_the_calls_of_a_chain_are_indented_under_the_statement() -> None:
    assert statement_js("let a = b", [".c()"]) == ["let a = b", "  .c();"]
    assert statement_js("let a = b", []) == ["let a = b;"]
    assert statement_py("a =", ["b", ".c()"]) == ["a = (", "    b", "    .c()", ")"]


def test_empty_lines_stay_empty() -> None:
    assert indent(["a", "", "b"], 2) == ["  a", "", "  b"]
