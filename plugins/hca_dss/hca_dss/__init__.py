"""The Human Cell Atlas Data Storage System: files, bundles, collections and search."""
