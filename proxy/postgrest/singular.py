"""The singular of relation names and the plural of column names: ``class`` and ``classes``."""

IRREGULAR = {
    "people": "person", "children": "child", "men": "man", "women": "woman", "mice": "mouse", "feet": "foot",
    "teeth": "tooth", "geese": "goose", "criteria": "criterion", "matrices": "matrix", "indices": "index",
    "vertices": "vertex", "appendices": "appendix", "axes": "axis", "quizzes": "quiz", "lenses": "lens",
    "gases": "gas", "aliases": "alias", "biases": "bias", "canvases": "canvas", "atlases": "atlas", "irises": "iris",
    "lives": "life", "wives": "wife", "knives": "knife", "shelves": "shelf", "bookshelves": "bookshelf",
    "halves": "half", "leaves": "leaf", "wolves": "wolf", "loaves": "loaf", "thieves": "thief", "calves": "calf",
    "scarves": "scarf", "theses": "thesis", "hypotheses": "hypothesis", "crises": "crisis", "diagnoses": "diagnosis",
    "prognoses": "prognosis", "synopses": "synopsis", "parentheses": "parenthesis", "syntheses": "synthesis",
    "oases": "oasis", "analyses": "analysis",
}  # fmt: skip
"""Words whose singular no ending tells."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


UNCHANGED = _words(
    """
    series species news means headquarters chassis corps aws sms gps dns cms tls pos os ios macos analytics physics
    mathematics logistics economics goods gas atlas canvas alias bias lens iris axis praxis redis tennis debris pelvis
    trellis chaos cosmos ethos kudos christmas
    """
)
"""Words that end as plurals do and are none, or are their own plural."""
US_PLURALS = _words("menus submenus gurus emus haikus skus cpus gpus tpus")
"""Plurals of words in ``-u``. Other words in ``-us`` are singular: ``status``."""
USE = _words("uses abuses reuses misuses excuses fuses muses ruses recluses")
"""Plurals of words in ``-use`` that no vowel before it tells from ``statuses``; ``houses`` and ``causes`` have one."""
OES = _words("heroes superheroes potatoes tomatoes echoes vetoes cargoes mosquitoes volcanoes torpedoes embargoes")
"""Plurals of words in ``-o`` that have an e; ``shoes`` is of ``shoe``."""
IE = _words(
    """
    movies cookies calories zombies selfies rookies genies brownies smoothies hoodies prairies pixies birdies goalies
    neckties magpies sorties
    """
)
"""Plurals of words in ``-ie``; other words in ``-ies`` are of ``-y``, but for those of four letters: ``ties``."""
CHE = _words("caches niches aches headaches avalanches creches quiches moustaches mustaches psyches pastiches cliches")
"""Plurals of words in ``-che``; ``branches`` is of ``branch``."""
SSE = _words("posses impasses mousses crevasses finesses")
"""Plurals of words in ``-sse``; ``classes`` is of ``class``."""
PLURALS = {one: several for several, one in IRREGULAR.items()} | {word[:-2]: word for word in OES}
"""Plurals that no ending tells."""
NO_SINGULAR = UNCHANGED | _words("data media people children")
"""Words that are used as their own plural."""


def singular(relation: str) -> str:
    """``creator`` for ``creators``, ``gym_class`` for ``gym_classes``: a guess from the last word's spelling.

    Words that are singular are returned as they are: ``status``, ``address``, ``data``.
    """
    start = last_word(relation)
    return relation[:start] + _singular(relation[start:])


def plural(name: str) -> str:
    """``statuses`` for ``status``, ``userIds`` for ``userId`` and for itself: a guess from the last word's spelling."""
    start = last_word(name)
    return name[:start] + _plural(name[start:])


def last_word(relation: str) -> int:
    """Where the last word of ``relation`` starts: behind the last underscore, or at the last capital letter."""
    start = relation.rfind("_") + 1
    for at in range(len(relation) - 1, start, -1):
        if relation[at].isupper():
            return at
    return start


def _singular(word: str) -> str:
    lower = word.lower()
    if lower in IRREGULAR:
        return word[:1] + IRREGULAR[lower][1:]
    if len(word) < 3 or not word.endswith("s") or lower in UNCHANGED or lower.endswith(("ss", "sis")):
        return word
    if lower.endswith("us") and lower not in US_PLURALS:
        return word
    if lower.endswith("ies") and len(word) > 4 and lower not in IE:
        return word[:-3] + "y"
    return word[:-2] if _adds_es(lower) else word[:-1]


def _plural(word: str) -> str:
    lower = word.lower()
    if lower in PLURALS:
        return word[:1] + PLURALS[lower][1:]
    if lower in NO_SINGULAR or _singular(word) != word:
        return word
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return f"{word}es" if not lower.endswith("sis") else f"{word[:-2]}es"
    ends_in_y = word.endswith("y") and lower != "by" and word[-2:-1] not in ("a", "e", "i", "o", "u", "")
    return f"{word[:-1]}ies" if ends_in_y else f"{word}s"


def _adds_es(word: str) -> bool:
    """Whether the plural ``word`` has ``es`` behind its singular: ``boxes``, not ``cases``."""
    if word.endswith("uses"):
        return word not in USE and not word.endswith(("ouses", "auses"))
    if word.endswith("sses"):
        return word not in SSE
    if word.endswith("ches"):
        return word not in CHE
    return word.endswith(("xes", "shes", "zzes", "tzes")) or word in OES
