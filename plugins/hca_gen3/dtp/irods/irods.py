"""The documented import path of `IRODSAPI`."""

from hca_gen3.irods import IRODSAPI as IRODSAPI

__all__ = ["IRODSAPI"]
