"""Moving files: many at once, resumable, verified, whole or not at all."""
