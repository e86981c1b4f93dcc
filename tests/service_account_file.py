"""The JSON file of a service account that nobody else has."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

EMAIL = "robot@lab.example"
KEY_ID = "key-1"


@cache
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


def write_account(file: Path, **changes: Any) -> Path:
    """Write the file as Google gives it out; `changes` replace its fields, None leaves one out."""
    fields = {
        "type": "service_account",
        "project_id": "lab",
        "private_key_id": KEY_ID,
        "private_key": pem(private_key()),
        "client_email": EMAIL,
        **changes,
    }
    file.touch(mode=0o600)
    file.write_text(json.dumps({name: value for name, value in fields.items() if value is not None}))
    return file
