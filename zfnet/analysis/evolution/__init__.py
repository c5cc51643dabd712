"""Fig. 4: what chosen maps respond to, followed through a training."""
