"""What SQL fixes a finding? Statements for a developer to read and adapt."""
