"""How is text written for people: what a client controls, in a terminal, a log line or Markdown, and counts?"""
