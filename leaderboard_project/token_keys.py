"""Parse the keys that verify tokens."""

import base64
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key


def parse_token_key(entry: str) -> tuple[str, str | bytes]:
    """Parse `<algorithm>:<secret in base64, or the path of a public key>`; return the algorithm and
    the key. Raises ValueError, UnsupportedAlgorithm or OSError."""
    algorithm, _, value = entry.partition(":")
    if algorithm not in TOKEN_ALGORITHMS:
        raise ValueError("an unknown algorithm")
    return algorithm, TOKEN_ALGORITHMS[algorithm](value)


def _decode_secret(text: str) -> bytes:
    secret = base64.b64decode(text, validate=True)
    if len(secret) < 32:
        raise ValueError("shorter than 32 bytes")
    return secret


def _load_es256_key(path: str) -> str:
    key = load_pem_public_key(Path(path).read_bytes())
    if not isinstance(key, EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise ValueError(f"{path} is a key for another algorithm")
    return Path(path).read_text()


def _load_eddsa_key(path: str) -> str:
    key = load_pem_public_key(Path(path).read_bytes())
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError(f"{path} is a key for another algorithm")
    return Path(path).read_text()


TOKEN_ALGORITHMS: dict[str, Callable[[str], str | bytes]] = {
    "HS256": _decode_secret,
    "ES256": _load_es256_key,
    "EdDSA": _load_eddsa_key,
}
