"""What the audit is made of."""
