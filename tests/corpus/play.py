"""Plays the scenarios of a folder that are written in Python: ``python -m tests.corpus.play URL TOKEN FOLDER``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.corpus.python_scenarios import play
from tests.corpus.scoring import modules

if TYPE_CHECKING:
    from tests.corpus.python_scenarios import Scenarios


def scenarios_of(group: Path) -> list[Scenarios]:
    """Those of each module of a folder that has some."""
    return [module.SCENARIOS for module in modules(group) if hasattr(module, "SCENARIOS")]


async def main(url: str, token: str, folder: str) -> None:
    for scenarios in scenarios_of(Path(folder)):
        await play(scenarios, url, token)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
