"""Networks made to fit a pool: fine-tuned on its answers, or adapted without any."""
