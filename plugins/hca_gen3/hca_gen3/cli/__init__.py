"""The commands of `hca gen3`."""
