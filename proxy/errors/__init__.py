"""What does fanin itself say when something is wrong? Codes, reasons, remedies, and its error answers."""
