"""Every test has a home of its own, no settings of the person who runs it, and only the loopback network."""

pytest_plugins = ["hca_core.testing.fixtures"]
