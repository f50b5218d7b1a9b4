"""``python -m proxy`` is ``fanin``."""

import sys

from proxy.cli import main

sys.exit(main())
