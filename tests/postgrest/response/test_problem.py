"""PostgREST's errors, as far as merging reads them, in the languages that Postgres speaks."""

from __future__ import annotations

import json

import pytest

from proxy.postgrest.response.problem import (
    BadLiteral,
    ErrorBody,
    bad_literal,
    base_type,
    known_error_code,
    missing_operator,
    read_error_body,
)


def test_code_and_message_are_parsed() -> None:
    body = json.dumps({"code": "42703", "details": None, "hint": None, "message": "no"}).encode()
    assert read_error_body(body) == ErrorBody("42703", "no")


@pytest.mark.parametrize(
    ("code", "known"),
    [("22P02", "22P02"), ("PGRST116", "PGRST116"), ("PGRSTX00", "PGRSTX00"), ("a secret", ""), ("22p02", ""), ("", "")],
)
def test_only_codes_of_postgres_and_postgrest_are_known_in_body_and_header(code: str, known: str) -> None:
    """The error of a function may have any text as its code."""
    assert known_error_code(json.dumps({"code": code, "message": "m"}).encode(), None) == known
    assert known_error_code(b"", b"PostgREST; error=" + code.encode()) == known


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"<html>", b'{"code":1}', b'{"message":null}', b'{"code":"\xff"}', b"null"),
        b'{"code":"42703","details":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
def test_other_bodies_give_an_empty_error(body: bytes) -> None:
    assert read_error_body(body) == ErrorBody()


LITERALS = ("7", "abc", 'a"b', "5", "99999", "99999999999", "1", "in", "type")


@pytest.mark.parametrize(
    ("code", "message", "blamed"),
    [
        ("22P02", 'invalid input syntax for type integer: "abc"', ("integer", "abc")),
        ("22P02", 'invalid input syntax for type uuid: "7"', ("uuid", "7")),
        ("22P02", 'invalid input syntax for type integer: "a"b"', ("integer", 'a"b')),
        ("22P02", 'invalid input syntax for type public.uint4: "abc"', ("public.uint4", "abc")),
        ("22P02", 'invalid input value for enum mood: "abc"', ("enum", "abc")),
        ("22003", 'value "99999999999" is out of range for type integer', ("integer", "99999999999")),
        ("22003", 'value "99999" is out of range for type smallint', ("smallint", "99999")),
        ("22007", 'invalid input syntax for type date: "5"', ("date", "5")),
        ("22P02", 'invalid input syntax for type integer: "other"', None),
        ("22003", "integer out of range", None),
        ("22P02", 'malformed range literal: "5"', None),
        ("42703", 'invalid input syntax for type integer: "abc"', None),
        ("22P02", "", None),
    ],
)
def test_a_bad_literal_is_found_with_its_type(code: str, message: str, blamed: tuple[str, str] | None) -> None:
    found = bad_literal(ErrorBody(code, message), [text.encode() for text in LITERALS])
    assert found == (None if blamed is None else BadLiteral(blamed[0], blamed[1].encode()))


def test_where_the_message_names_no_type_the_known_one_counts() -> None:
    error = ErrorBody("22P02", "ungültiger Eingabewert für Enum mood: »abc«")
    assert bad_literal(error, [b"abc"]) is None
    assert bad_literal(error, [b"abc"], "enum") == BadLiteral("enum", b"abc")


LANGUAGES = {
    "English": (
        "operator does not exist: {}",
        'invalid input syntax for type {}: "{}"',
        'value "{}" is out of range for type {}',
        'invalid input value for enum {}: "{}"',
    ),
    "German": (
        "Operator existiert nicht: {}",
        "ungültige Eingabesyntax für Typ {}: »{}«",
        "Wert »{}« ist außerhalb des gültigen Bereichs für Typ {}",
        "ungültiger Eingabewert für Enum {}: »{}«",
    ),
    "Spanish": (
        "el operador no existe: {}",
        "la sintaxis de entrada no es válida para tipo {}: «{}»",
        "el valor «{}» está fuera de rango para el tipo {}",
        "la sintaxis de entrada no es válida para el enum {}: «{}»",
    ),
    "French": (
        "l'opérateur n'existe pas : {}",
        "syntaxe en entrée invalide pour le type {} : « {} »",
        "la valeur « {} » est en dehors des limites pour le type {}",
        "valeur en entrée invalide pour le enum {} : « {} »",
    ),
    "Italian": (
        "l'operatore non esiste: {}",
        'sintassi di input non valida per il tipo {}: "{}"',
        'valore "{}" fuori dall\'intervallo consentito per il tipo {}',
        'la sintassi per l\'enumerazione {} non è valida: "{}"',
    ),
    "Japanese": (
        "演算子が存在しません: {}",
        '"{}"型の入力構文が不正です: "{}"',
        '値"{}"は型{}の範囲外です',
        '列挙型{}の不正な入力構文: "{}"',
    ),
    "Georgian": (
        "ოპერატორი არ არსებობს: {}",
        'არასწორი შეყვანის სინტაქსი ტიპისთვის {}: "{}"',
        'value "{}" is out of range for type {}',
        'არასწორი შეყვანილი მნიშვნელობა ჩამონათვალისთვის {}: "{}"',
    ),
    "Korean": (
        "연산자 없음: {}",
        '{} 자료형 대한 잘못된 입력: "{}"',
        '입력한 "{}" 값은 {} 자료형 범위를 초과했습니다',
        '{} 열거형의 입력 값이 잘못됨: "{}"',
    ),
    "Russian": (
        "оператор не существует: {}",
        'неверный синтаксис для типа {}: "{}"',
        'значение "{}" вне диапазона для типа {}',
        'неверное значение для перечисления {}: "{}"',
    ),
    "Swedish": (
        "operator existerar inte: {}",
        'ogiltig indatasyntax för type {}: "{}"',
        'värdet "{}" är utanför giltigt intervall för typen {}',
        'ogiltigt indata-värde för enum {}: "{}"',
    ),
    "Chinese": (
        "操作符不存在: {}",
        '无效的类型 {} 输入语法: "{}"',
        '值 "{}" 超出类型 {} 的范围',
        '对于枚举{}的输入值无效: "{}"',
    ),
}
"""Messages of PostgreSQL 15: its translations of an operator that does not exist, of bad syntax, of a value that is out
of range, and of a value that is no label of an enumeration.
"""
TYPES = (
    "integer",
    "timestamp without time zone",
    '"char"',
    "unusual.mood",
    '"My Schema"."My type"',
    "integer[]",
    "my_text",
)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("type_name", TYPES)
def test_the_type_question_is_understood_in_every_language(language: str, type_name: str) -> None:
    operator, *_ = LANGUAGES[language]
    told = missing_operator(ErrorBody("42883", operator.format(f"{type_name} -|- unknown")))
    assert told == type_name
    other = ErrorBody("42883", operator.format(f"{type_name} -|- {type_name}"))
    assert missing_operator(other) == "representation"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("type_name", ["integer", "uuid", "timestamp with time zone", "double precision"])
def test_a_bad_literal_is_found_in_every_language(language: str, type_name: str) -> None:
    _, syntax, value, _ = LANGUAGES[language]
    literals = [text.encode() for text in LITERALS]
    wrong = ErrorBody("22P02", syntax.format(type_name, "abc"))
    assert bad_literal(wrong, literals) == BadLiteral(type_name, b"abc")
    large = ErrorBody("22003", value.format("99999", type_name))
    assert bad_literal(large, literals) == BadLiteral(type_name, b"99999")


ASKED = "fanin asks for the type"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("type_name", ["unusual.mood", "mood", '"My mood"'])
def test_an_enumeration_and_a_domain_are_found_in_every_language(language: str, type_name: str) -> None:
    operator, syntax, _, enum = LANGUAGES[language]
    question = ErrorBody("42883", operator.format(f"{type_name} -|- unknown"))
    assert base_type(question, type_name, ErrorBody("22P02", enum.format(type_name, ASKED)), ASKED) == "enum"
    assert base_type(question, type_name, ErrorBody("22P02", syntax.format("integer", ASKED)), ASKED) == "integer"
    unchanged = ErrorBody("22P02", f'invalid input syntax for {type_name}: "{ASKED}"')
    assert base_type(question, type_name, unchanged, ASKED) is None, "what an extension says is in English"
    assert base_type(question, type_name, ErrorBody("22P02", f"{type_name}: ?"), ASKED) is None
    assert base_type(question, type_name, ErrorBody("P0001", enum.format(type_name, ASKED)), ASKED) is None


def test_a_type_of_postgres_own_is_no_enumeration() -> None:
    operator, syntax, *_ = LANGUAGES["German"]
    question = ErrorBody("42883", operator.format("xid8 -|- unknown"))
    assert base_type(question, "xid8", ErrorBody("22P02", syntax.format("xid8", ASKED)), ASKED) is None


@pytest.mark.parametrize(
    ("code", "message", "type_name"),
    [
        ("22P02", 'malformed range literal: "x"', "range"),
        ("22P02", "fehlerhafte Bereichskonstante: »x«", "range"),
        ("22P02", 'malformed multirange literal: "x"', "range"),
        ("22P02", 'invalid input syntax for type uuid: "7"', None),
        ("42725", "operator is not unique: integer -|- unknown", None),
        ("42883", "function no(integer) does not exist", None),
        ("PGRST301", "operator does not exist: integer -|- unknown", None),
        ("", "", None),
    ],
)
def test_other_answers_to_the_type_question(code: str, message: str, type_name: str | None) -> None:
    assert missing_operator(ErrorBody(code, message)) == type_name
