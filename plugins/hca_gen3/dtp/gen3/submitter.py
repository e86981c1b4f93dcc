"""The documented import path of `Gen3Submitter`."""

from hca_gen3.submitter import Gen3Submitter as Gen3Submitter

__all__ = ["Gen3Submitter"]
