"""A file of lines that is rotated when it is full: ``FILE`` becomes ``FILE.1``, ``FILE.1`` becomes ``FILE.2``, …"""

import os
from pathlib import Path


class RotatingFile:
    """At most ``max_files`` files of ``max_bytes`` bytes; each begins with ``head``. OSError if a write fails."""

    def __init__(self, path: Path, max_bytes: int, max_files: int, head: bytes) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._max_files = max_files
        self._head = head
        self._file: int | None = None
        self._size = 0
        self._open_new()

    def write(self, line: bytes) -> bool:
        """Append ``line``. Returns False, and writes nothing, if it is larger than a file may be."""
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
        """Rename the existing files, whichever process wrote them, and open a new one."""
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
            self._path.unlink()  # else each further try would rename the files and drop the oldest
            raise

    def _append(self, line: bytes) -> None:
        assert self._file is not None  # noqa: S101 – both callers opened it
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            os.ftruncate(self._file, self._size)  # a partial line would corrupt the lines after it
            os.lseek(self._file, self._size, os.SEEK_SET)
            raise
        self._size += len(line)

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path
