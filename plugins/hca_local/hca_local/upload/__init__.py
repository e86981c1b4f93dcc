"""The upload service of the Human Cell Atlas, as far as one machine needs it."""
