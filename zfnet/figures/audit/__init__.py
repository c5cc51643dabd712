"""What an audit found: a figure a question."""
