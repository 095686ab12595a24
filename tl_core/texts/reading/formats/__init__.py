"""Documents of each kind as plain text with their paragraphs. Called in a limited process only."""
