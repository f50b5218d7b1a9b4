"""How is text that a client controls shown safely? In a terminal, a log line, Markdown."""
