"""What is kept: files written whole or not at all, a directory or an object store, shards of embeddings."""
