"""The singular of a relation's name follows the spelling of its last word."""

from __future__ import annotations

import pytest

from proxy.postgrest.singular import plural, singular

REGULAR = """
    creators creator, days day, employees employee, users user, menus menu, skus sku, apis api, videos video,
    photos photo, cameras camera, movies movie, cookies cookie, ties tie, companies company, categories category,
    classes class, addresses address, processes process, businesses business, impasses impasse,
    statuses status, buses bus, campuses campus, bonuses bonus, viruses virus, houses house, warehouses warehouse,
    spouses spouse, causes cause, clauses clause, uses use, excuses excuse,
    cases case, databases database, purchases purchase, releases release, leases lease, phrases phrase,
    responses response, licenses license, expenses expense, courses course, nurses nurse, doses dose, purposes purpose,
    exercises exercise, enterprises enterprise, diseases disease,
    boxes box, taxes tax, indexes index, branches branch, batches batch, searches search, caches cache, niches niche,
    dishes dish, pushes push, prizes prize, sizes size, buzzes buzz, waltzes waltz, heroes hero, shoes shoe,
    prices price, invoices invoice, services service, archives archive, drives drive, pages page, images image
"""
IRREGULAR = """
    people person, children child, analyses analysis, quizzes quiz, lenses lens, aliases alias, shelves shelf,
    matrices matrix, axes axis, diagnoses diagnosis, criteria criterion
"""
SINGULAR = """
    address class status bus campus analysis basis axis alias canvas gas lens data media series species news sms gps
    access progress staff stock chassis s
"""


def pairs(text: str) -> list[list[str]]:
    return [pair.split() for pair in text.split(",")]


@pytest.mark.parametrize(("many", "one"), pairs(REGULAR))
def test_the_singular_of_a_relation_is_guessed_from_its_ending(many: str, one: str) -> None:
    assert singular(many) == one


@pytest.mark.parametrize(("many", "one"), pairs(IRREGULAR))
def test_the_singular_of_a_word_that_no_ending_tells_is_known(many: str, one: str) -> None:
    assert singular(many) == one


@pytest.mark.parametrize("name", ["", *SINGULAR.split()])
def test_a_word_that_is_no_plural_is_kept(name: str) -> None:
    assert singular(name) == name


@pytest.mark.parametrize(
    ("many", "one"),
    [
        ("gym_classes", "gym_class"),
        ("order_statuses", "order_status"),
        ("news_series", "news_series"),
        ("series_episodes", "series_episode"),
        ("gymClasses", "gymClass"),
        ("GymStatus", "GymStatus"),
        ("TaxIndices", "TaxIndex"),
        ("ORDERS", "ORDERS"),
        ("_", "_"),
    ],
)
def test_only_the_last_word_of_a_name_changes(many: str, one: str) -> None:
    assert singular(many) == one


SEVERAL = {
    "status": "statuses",
    "category": "categories",
    "day": "days",
    "box": "boxes",
    "user_id": "user_ids",
    "child": "children",
    "knife": "knives",
    "analysis": "analyses",
    "basis": "bases",
    "quiz": "quizzes",
    "hero": "heroes",
    "photo": "photos",
    "createdBy": "createdBys",
    "contactPerson": "contactPeople",
}
UNCOUNTED = [
    "news",
    "series",
    "sms",
    "data",
    "media",
    "people",
    "ids",
    "tags",
    "userIds",
    "TagIds",
    "boxes",
    "countries",
]


@pytest.mark.parametrize(("one", "several"), SEVERAL.items())
def test_the_plural_of_a_column_is_a_word(one: str, several: str) -> None:
    assert plural(one) == several


@pytest.mark.parametrize("name", UNCOUNTED)
def test_a_plural_is_its_own_plural(name: str) -> None:
    assert plural(name) == name
