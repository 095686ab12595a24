"""The space that embeddings lie in: which are near each other, and a space in which all directions vary alike."""
