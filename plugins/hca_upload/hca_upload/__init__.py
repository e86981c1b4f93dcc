"""The Human Cell Atlas upload service: upload areas, and the files in them."""
