"""Encrypted associations: what both sides prove to each other."""

from __future__ import annotations

import ssl

from hca_core.errors import ConfigError
from hca_gen3.pacs.config import PacsConfig

__all__ = ["client_context", "server_context"]


def client_context(config: PacsConfig) -> ssl.SSLContext:
    """Return how we connect to the PACS: it has to prove its name, and is shown our certificate if there is one."""
    return _with_certificate(_trusting(config, ssl.Purpose.SERVER_AUTH), config)


def server_context(config: PacsConfig) -> ssl.SSLContext:
    """Return how the PACS connects to us: who it is must be certified by an authority that we trust."""
    context = _trusting(config, ssl.Purpose.CLIENT_AUTH)
    context.verify_mode = ssl.CERT_REQUIRED
    return _with_certificate(context, config)


def _trusting(config: PacsConfig, purpose: ssl.Purpose) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(purpose, cafile=config.ca_bundle)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{config.ca_bundle} holds no certificates: {error}.", key="pacs_ca_bundle") from error


def _with_certificate(context: ssl.SSLContext, config: PacsConfig) -> ssl.SSLContext:
    if config.certificate is None:
        return context
    try:
        context.load_cert_chain(config.certificate)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"{config.certificate} holds no certificate with its key: {error}.", key="pacs_certificate"
        ) from error
    return context
