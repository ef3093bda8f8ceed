"""Kinds of output: what the labels are, and what the head of a network computes for them."""
