"""What experiments/atlas.py is made of."""
