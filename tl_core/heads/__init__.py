"""Classifiers trained on embeddings. `files` is cheap to import; `logistic` and `learner` are for workers."""
