"""One file a rule; RULES lists them in running order."""

from proxy.model import Rule

RULES: tuple[Rule, ...] = ()
