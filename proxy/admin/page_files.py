"""The files of the pages, by the paths that they are served at.

A path tells which files they are: a browser that began with one version gets no module of another.
"""

from hashlib import blake2b
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

BEGIN = "/pages/"
"""Where the files say that they are; they are served below it, under their version."""
KINDS = (".html", ".js", ".css", ".svg")


class PageFiles(NamedTuple):
    """All of them."""

    version: str
    """Of these files together: different for different ones."""
    by_path: dict[str, bytes]


def page_files(folder: Traversable | None = None) -> PageFiles:
    """What is installed, or in ``folder``."""
    folder = folder or files("proxy.admin") / "pages"
    there = sorted((one for one in folder.iterdir() if one.name.endswith(KINDS)), key=lambda one: one.name)
    found = {one.name: one.read_bytes() for one in there}
    version = _version(found)
    place = f"{BEGIN}{version}/"
    index = found.pop("index.html").replace(BEGIN.encode(), place.encode())
    return PageFiles(version, {"/": index, **{place + name: data for name, data in found.items()}})


def _version(found: dict[str, bytes]) -> str:
    digest = blake2b(digest_size=8)
    for name, data in found.items():
        digest.update(b"%d %d " % (len(name), len(data)) + name.encode() + data)
    return digest.hexdigest()
