"""`fanin snippet`: SQL for the schema that is asked for, however it is called."""

from __future__ import annotations

import pytest
import sqlglot

from proxy.commands.main import OK, USAGE, main


@pytest.mark.parametrize(("schema", "written"), [("fanin", "fanin"), ('my"own', '"my""own"'), ("Select", '"Select"')])
def test_the_function_is_in_the_schema_that_is_named(
    capsys: pytest.CaptureFixture[str], schema: str, written: str
) -> None:
    assert main(["snippet", "pre-request", "--schema", schema]) == OK
    printed = capsys.readouterr().out
    assert f"create or replace function {written}.show_request() returns void" in printed
    assert "{schema}" not in printed
    assert len(sqlglot.parse(printed, dialect="postgres")) >= 3


def test_another_name_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["snippet", "nothing"])
    assert end.value.code == USAGE
    assert "pre-request" in capsys.readouterr().err
