"""The program ``fanin``: hands over to the command line, or at once to ``fanin mcp``, whose clients wait for it.

Tests: tests/e2e/operations/test_mcp.py.
"""

import sys


def main() -> int:
    """Run ``fanin``; returns the exit code."""
    if sys.argv[1:2] == ["mcp"]:
        from proxy.commands.mcp.command import main as mcp

        return mcp(sys.argv[2:])
    from proxy.commands.main import main as command_line

    return command_line()
