"""`fanin snippet`: SQL for the schema that is asked for, however it is called."""

from __future__ import annotations

import pytest
import sqlglot

from proxy.commands.main import OK, USAGE, main


@pytest.mark.parametrize(
    ("schema", "written"),
    [("fanin", "fanin"), ("o'clock", '"o\'clock"'), ("Select", '"Select"'), ("{name}", '"{name}"')],
)
def test_the_function_is_in_the_schema_that_is_named(
    capsys: pytest.CaptureFixture[str], schema: str, written: str
) -> None:
    assert main(["snippet", "pre-request", "--schema", schema]) == OK
    printed = capsys.readouterr().out
    assert f"create or replace function {written}.show_request() returns void" in printed
    assert ("{name}" in printed) is (schema == "{name}")
    assert len(sqlglot.parse(printed, dialect="postgres")) >= 3


def test_postgrest_is_told_the_name_as_it_reads_names_without_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["snippet", "pre-request", "--schema", "Our o'clock"]) == OK
    printed = capsys.readouterr().out
    assert 'db-pre-request = "Our o\'clock.show_request"' in printed
    assert "set pgrst.db_pre_request = 'Our o''clock.show_request';" in printed


@pytest.mark.parametrize("schema", ["", "a.b", 'my"own', "a\\b", "two\nlines", "long" * 16])
def test_a_schema_that_postgrest_cannot_name_is_an_error(capsys: pytest.CaptureFixture[str], schema: str) -> None:
    assert main(["snippet", "pre-request", "--schema", schema]) == USAGE
    told = capsys.readouterr()
    assert "cannot be named in db-pre-request" in told.err
    assert told.out == ""


def test_another_name_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["snippet", "nothing"])
    assert end.value.code == USAGE
    assert "pre-request" in capsys.readouterr().err
