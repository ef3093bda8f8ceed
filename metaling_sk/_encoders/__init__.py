"""Transformers that turn texts into vectors."""
