"""What only the tables use: their runs, kept results, features, text."""
