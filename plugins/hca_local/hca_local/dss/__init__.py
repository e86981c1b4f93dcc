"""The Data Storage System, served from its own API description."""
