"""What was tried of featurisers, and what came of it."""
