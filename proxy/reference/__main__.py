"""``python -m proxy.reference FOLDER`` writes the pages of docs/reference."""

import sys
from pathlib import Path

from proxy.reference.pages import main

main(Path(sys.argv[1]))
