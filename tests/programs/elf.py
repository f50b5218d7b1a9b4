"""Which shared libraries a program asks the loader for, read from its file.

The file is not run, and what the machine has installed has no say. The format is that of elf(5), 64 bits and little
endian; of any other file nothing is read.
"""

from __future__ import annotations

import mmap
import re
import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

C_LIBRARY = re.compile(r"ld-linux.*|lib(c|m|dl|pthread|rt|resolv|util|anl|mvec)\.so\.\d+")
"""What belongs to the machine's loader."""
_MAGIC = b"\x7fELF\x02\x01"
_HEADER = struct.Struct("<32xQ14xHH")  # e_phoff, e_phentsize, e_phnum
_SEGMENT = struct.Struct("<I4xQQ8xQ")  # p_type, p_offset, p_vaddr, p_filesz
_ENTRY = struct.Struct("<qQ")  # d_tag, d_val
_LOAD, _DYNAMIC = 1, 2  # p_type
_NEEDED, _STRINGS = 1, 5  # d_tag


class _Segment(NamedTuple):
    kind: int
    offset: int
    address: int
    size: int


def needed(path: Path) -> list[str]:
    """The names of the libraries that a file needs; none where it is no program and no shared object."""
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            return []
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            segments = _segments(content)
            entries = [entry for found in segments if found.kind == _DYNAMIC for entry in _entries(content, found)]
            strings = next((_position(segments, value) for tag, value in entries if tag == _STRINGS), 0)
            return [_text(content, strings + value) for tag, value in entries if tag == _NEEDED]


def missing(programs: Iterable[Path], folders: Sequence[Path]) -> list[str]:
    """The libraries that programs need, and those need in turn, which neither ``folders`` nor the C library have."""
    waiting, seen, gone = [name for path in programs for name in needed(path)], set[str](), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen or C_LIBRARY.fullmatch(name):
            continue
        seen.add(name)
        found = next((folder / name for folder in folders if (folder / name).exists()), None)
        if found is None:
            gone.add(name)
        else:
            waiting += needed(found)
    return sorted(gone)


def _segments(content: mmap.mmap) -> list[_Segment]:
    first, size, count = _HEADER.unpack_from(content)
    return [_Segment(*_SEGMENT.unpack_from(content, first + number * size)) for number in range(count)]


def _entries(content: mmap.mmap, dynamic: _Segment) -> list[tuple[int, int]]:
    return list(_ENTRY.iter_unpack(content[dynamic.offset : dynamic.offset + dynamic.size]))


def _position(segments: Sequence[_Segment], address: int) -> int:
    """Where in the file that lies which the loader puts at ``address``."""
    return next(
        found.offset + address - found.address
        for found in segments
        if found.kind == _LOAD and found.address <= address < found.address + found.size
    )


def _text(content: mmap.mmap, start: int) -> str:
    return content[start : content.find(b"\0", start)].decode()
