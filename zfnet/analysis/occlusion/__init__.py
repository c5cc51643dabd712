"""Fig. 7: what a network makes of an image while a square hides one place after another."""
