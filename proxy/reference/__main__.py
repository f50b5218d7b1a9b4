"""``python -m proxy.reference FOLDER README`` writes the pages of docs/reference and parts of README.md."""

import sys
from pathlib import Path

from proxy.reference.pages import main

main(*map(Path, sys.argv[1:]))
