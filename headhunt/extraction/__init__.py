"""All that only the expensive pass needs: from sources on disk to activations of heads."""
