"""API descriptions become plain data, and data becomes requests."""
