"""Fitting a network, or what it gives, to one's own pictures: with answers, or without any."""
