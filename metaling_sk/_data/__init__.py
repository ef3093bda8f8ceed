"""Samples on their way to the network: validated, tokenised, batched."""
