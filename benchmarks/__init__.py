"""Measurements, run on demand; each prints a table and, last, one line of JSON."""
