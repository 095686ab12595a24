"""Fixtures of the tests of transfer."""

from tests.transfer.trials import labelled, pictures, tried

__all__ = ["labelled", "pictures", "tried"]
