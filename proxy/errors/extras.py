"""What to do where an optional package is missing."""

from proxy import __version__


def missing_extra(package: object, extra: str) -> str:
    """``needs the package asyncpg: install fanin with its extra demo: …``"""
    wheel = f"pipx install --force './fanin-{__version__}-py3-none-any.whl[{extra}]'"
    return (
        f"needs the package {package}: install fanin with its extra {extra}: {wheel}, or pip install '.[{extra}]' in "
        "fanin's source folder"
    )
