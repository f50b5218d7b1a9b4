"""How is text that a client controls shown safely in a terminal, a log line or Markdown?"""
