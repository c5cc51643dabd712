"""Fig. 5: how far features and class probabilities go while an image moves, grows or turns."""
