"""Which programs are unpacked, from which packages, and what each needs to run where it was unpacked."""

from __future__ import annotations

import shutil
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


class Program(NamedTuple):
    """One unpacked tree.

    Of what ``packages`` depend on, libraries are unpacked, and ``more`` packages, by their names' beginnings.
    ``commands`` are paths in the tree, with ``*`` where a version stands. ``environment`` may name ``$home``, the
    program's folder; ``prepare`` writes there what the environment names.
    """

    packages: tuple[str, ...]
    commands: Mapping[str, str]
    megabytes: int
    more: tuple[str, ...] = ()
    environment: Mapping[str, str] = MappingProxyType({})
    prepare: Callable[[Path], None] | None = None
    extras: tuple[str, ...] = ()
    """Packages that are added where this release of Debian has them."""


FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{home}/root/usr/share/fonts</dir>
  <cachedir>{home}/fonts</cachedir>
</fontconfig>
"""


def write_fonts(home: Path) -> None:
    """The unpacked fonts are the only ones, so that pages look the same on every machine."""
    (home / "fonts.conf").write_text(FONTS.format(home=home), encoding="utf-8")


def copy_units(home: Path) -> None:
    """systemd's units without its aliases: links that lead out of the folders that systemd knows are reported."""
    units = home / "units"
    units.mkdir(exist_ok=True)
    for unit in sorted(home.glob("root/**/systemd/system/*")):
        if unit.is_file() and not unit.is_symlink():
            shutil.copy(unit, units)


PROGRAMS: Mapping[str, Program] = MappingProxyType(
    {
        "chromium": Program(
            packages=("chromium", "fonts-dejavu-core"),
            commands={"chromium": "usr/lib/chromium/chromium"},
            megabytes=175,
            more=("chromium-",),
            environment={"FONTCONFIG_FILE": "$home/fonts.conf"},
            prepare=write_fonts,
        ),
        "prometheus": Program(
            packages=("prometheus",),
            commands={"prometheus": "usr/bin/prometheus", "promtool": "usr/bin/promtool"},
            megabytes=20,
        ),
        "postgresql": Program(
            packages=("postgresql",),
            commands={
                "postgres": "usr/lib/postgresql/*/bin/postgres",
                "initdb": "usr/lib/postgresql/*/bin/initdb",
            },
            megabytes=50,
            more=("postgresql-",),
            extras=("postgresql-15-hypopg", "postgresql-17-hypopg"),
        ),
        "nginx": Program(packages=("nginx-light",), commands={"nginx": "usr/sbin/nginx"}, megabytes=5, more=("nginx",)),
        "wrk": Program(packages=("wrk",), commands={"wrk": "usr/bin/wrk"}, megabytes=3),
        "curl": Program(packages=("curl",), commands={"curl": "usr/bin/curl"}, megabytes=10),
        "openssl": Program(
            packages=("openssl",),
            commands={"openssl": "usr/bin/openssl"},
            megabytes=4,
            environment={"OPENSSL_CONF": "$home/root/etc/ssl/openssl.cnf"},
        ),
        "valgrind": Program(
            packages=("valgrind",),
            commands={"valgrind": "usr/bin/valgrind.bin"},
            megabytes=25,
            environment={"VALGRIND_LIB": "$home/root/usr/libexec/valgrind"},
        ),
        "systemd": Program(
            packages=("systemd", "procps"),
            commands={"systemd-analyze": "usr/bin/systemd-analyze", "kill": "**/bin/kill"},
            megabytes=15,
            environment={"SYSTEMD_UNIT_PATH": "$home/units"},
            prepare=copy_units,
        ),
    }
)
