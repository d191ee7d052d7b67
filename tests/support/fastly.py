"""Fastly Fanout as far as it can be known from outside: its addresses, keys and signatures."""

import base64
import hashlib
import hmac
import json
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SERVICE = "SU1Z0isxPaozGVKXdv0eY"
TOKEN = "an-API-token-as-Fastly-makes-them"
FASTLY, SOMEBODY = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
PEM = FASTLY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
VERIFY_KEY = f"base64:{base64.b64encode(PEM).decode()}"
GRIP_URL = f"https://api.fastly.com/service/{SERVICE}?key={TOKEN}&verify-key={VERIFY_KEY}"


def make_claims(**changes: object) -> dict[str, object]:
    """Return what a signature says; None leaves a claim out."""
    claims = {"iss": f"fastly:{SERVICE}", "exp": int(time.time()) + 60, **changes}
    return {name: value for name, value in claims.items() if value is not None}


def sign(key: ec.EllipticCurvePrivateKey = FASTLY, **changes: object) -> str:
    """Return a signature as Fastly makes them."""
    return jwt.encode(make_claims(**changes), key, algorithm="ES256")


def forge(algorithm: str, secret: bytes = b"") -> str:
    """Return the signature of somebody who takes the public key for a secret, or signs nothing.

    By hand, because PyJWT refuses to make it."""
    parts: list[object] = [{"typ": "JWT", "alg": algorithm}, make_claims()]
    text = b".".join(_encode(json.dumps(part).encode()) for part in parts)
    digest = hmac.digest(secret, text, hashlib.sha256) if secret else b""
    return (text + b"." + _encode(digest)).decode()


def _encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
