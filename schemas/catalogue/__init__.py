"""Datasets that ship with the product, each a YAML text."""
