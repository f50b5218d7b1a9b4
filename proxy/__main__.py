"""``python -m proxy`` is ``fanin``."""

import sys

from proxy.commands.main import main

sys.exit(main())
