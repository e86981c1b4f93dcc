"""The documented import path of `Auth`."""

from hca_gen3.auth import Auth as Auth

__all__ = ["Auth"]
