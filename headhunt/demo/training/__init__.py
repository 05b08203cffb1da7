"""How the embedded model was made: in the repository and the source distribution, not in the wheel."""
