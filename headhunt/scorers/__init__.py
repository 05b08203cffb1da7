"""Scorers turn the activations of chosen heads into a score in [0, 1]."""
