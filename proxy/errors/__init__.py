"""What does fanin itself report when something is wrong? Codes, reasons, remedies and error answers."""
