"""A file of lines that gives way to a new one when it is full: ``FILE``, before it ``FILE.1``, and so on."""

import os
from pathlib import Path


class RotatingFile:
    """At most ``files`` files of ``most`` bytes, each of which begins with ``head``. OSError where there is no room."""

    def __init__(self, path: Path, most: int, files: int, head: bytes) -> None:
        self._path = path
        self._max_bytes = most
        self._max_files = files
        self._head = head
        self._file: int | None = None
        self._size = 0
        self._open_new()

    def write(self, line: bytes) -> bool:
        """False for a line that fits into no file."""
        if len(self._head) + len(line) > self._max_bytes:
            return False
        if self._file is None or self._size + len(line) > self._max_bytes:
            self.close()
            self._open_new()
        self._append(line)
        return True

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open_new(self) -> None:
        """A file that is there already is an earlier one, whoever wrote it."""
        if self._path.exists():
            for number in range(self._max_files - 1, 0, -1):
                older = self._numbered(number - 1)
                if older.exists():
                    older.replace(self._numbered(number))
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._size = 0
        try:
            self._append(self._head)
        except OSError:
            self.close()
            self._path.unlink()  # else each try would push an older file out
            raise

    def _append(self, line: bytes) -> None:
        assert self._file is not None  # noqa: S101 – both callers have opened it
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            os.ftruncate(self._file, self._size)  # half a line would spoil the rest
            os.lseek(self._file, self._size, os.SEEK_SET)
            raise
        self._size += len(line)

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path
