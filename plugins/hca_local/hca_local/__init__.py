"""The services that `hca` talks to, on one machine: for trials, tests and teaching."""
