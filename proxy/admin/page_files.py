"""Reads the files of the pages and assigns the URL paths at which they are served.

The path contains a hash of all files, so that a browser never mixes modules of two versions.
"""

from collections.abc import Iterable
from hashlib import blake2b
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

PREFIX = "/pages/"
"""Path prefix in the files; the server inserts the version after it."""
EXTENSIONS = (".html", ".js", ".css", ".svg")


class PageFiles(NamedTuple):
    """All files with their common version."""

    version: str
    """Hash of all files."""
    by_path: dict[str, bytes]


def page_files(folder: Traversable | None = None) -> PageFiles:
    """The installed files, or those of ``folder``."""
    folder = folder or files("proxy.admin") / "pages"
    paths = sorted((path for path in folder.iterdir() if path.name.endswith(EXTENSIONS)), key=lambda path: path.name)
    contents = {path.name: path.read_bytes() for path in paths}
    version = _version(contents)
    prefix = f"{PREFIX}{version}/"
    index = contents.pop("index.html").replace(b"</head>", _preloads(contents) + b"</head>")
    index = index.replace(PREFIX.encode(), prefix.encode())
    return PageFiles(version, {"/": index, **{prefix + name: data for name, data in contents.items()}})


def _preloads(names: Iterable[str]) -> bytes:
    """Links by which a browser asks for all modules at once, instead of for each after the one that imports it."""
    modules = [name for name in names if name.endswith(".js")]
    return "".join([f'<link rel="modulepreload" href="{PREFIX}{name}">\n' for name in modules]).encode()


def _version(contents: dict[str, bytes]) -> str:
    digest = blake2b(digest_size=8)
    for name, data in contents.items():
        digest.update(b"%d %d " % (len(name), len(data)) + name.encode() + data)
    return digest.hexdigest()
