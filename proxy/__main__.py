"""``python -m proxy`` is ``fanin``."""

import sys

from proxy.commands.entry import main

sys.exit(main())
