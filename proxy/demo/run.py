"""The demo."""


def demo(*, keep: bool, as_json: bool) -> int:
    """Run it."""
    raise SystemExit(f"{keep} {as_json}")
