"""``fanin audit``: what recorded or live traffic says of the application, as a report. Pure."""
