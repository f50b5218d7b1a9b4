"""How is a report written? As text, Markdown, HTML, JSON, SARIF and annotations."""
