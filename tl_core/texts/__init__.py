"""Texts: reading them, turning them into vectors, and what a network knows of their words."""
