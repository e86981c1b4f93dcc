"""An S3-compatible object store: signatures checked, bytes on disk, state in SQLite."""
