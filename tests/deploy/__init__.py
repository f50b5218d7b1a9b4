"""What deploy/ holds is proven by the tools that will read it: promtool, a real Prometheus, schemas, linters."""
