"""Parse the addresses of GRIP_URL: where a proxy is published to, and who signs its requests."""

import re
from urllib.parse import SplitResult, urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from gripcontrol import parse_grip_uri

FASTLY = "api.fastly.com"


def parse_proxy(url: str) -> dict[str, object]:
    """Parse a proxy's address; return it as gripcontrol has it, with a public key as such.

    It needs a key: without one, anybody could claim to be that proxy. Raises ValueError, whose text
    has no secret."""
    address = _split(url)
    entry = _parse_with_gripcontrol(url)
    if address.scheme == "tcp":
        if not (address.hostname and address.port):
            raise ValueError("without tcp://host:port")
        entry["control_uri"] = f"tcp://{address.netloc}"
    elif "control_iss" not in entry and not isinstance(entry["key"], str):
        raise ValueError("with a key in base64 and without iss: the key is then sent as it stands")
    if "verify_key" in entry:
        entry["verify_key"] = _load_verify_key(entry["verify_key"])
    if address.hostname == FASTLY:
        _complete_fastly(address, entry)
    if _is_public(entry.get("verify_key")) and "verify_iss" not in entry:
        raise ValueError("with a public key and without verify-iss, which says for whom it signs")
    return entry


def _split(url: str) -> SplitResult:
    try:
        address = urlsplit(url)
        _ = address.port  # raises ValueError, with what may be a secret in its text
    except ValueError:
        raise ValueError("without a host or tcp://host:port that can be read") from None
    if address.scheme not in ("http", "https", "tcp") or not address.netloc:
        raise ValueError("without tcp://host:port or http(s)://")
    return address


def _parse_with_gripcontrol(url: str) -> dict[str, object]:
    """Return what gripcontrol, which knows HTTP only, makes of the URL."""
    try:
        entry: dict[str, object] = parse_grip_uri(url.replace("tcp://", "http://", 1))
    except ValueError:
        raise ValueError("with a key that is not base64") from None
    if "key" not in entry:
        raise ValueError("without a key")
    if "?" in str(entry["control_uri"]):
        # Not named, because a key with a "&" ends in one.
        raise ValueError("with an option that is none of iss, key, verify-iss and verify-key")
    return entry


def _load_verify_key(key: object) -> object:
    """Return the key that verifies signatures: a public key, or a secret as it is."""
    pem = key.encode() if isinstance(key, str) else key
    if not isinstance(pem, bytes) or b"-----" not in pem:
        return key
    try:
        public = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        public = None
    if not _is_public(public):
        raise ValueError("with a verify-key that is no public key for ES256 as PEM, in base64")
    return public


def _is_public(key: object) -> bool:
    return isinstance(key, EllipticCurvePublicKey) and key.curve.name == "secp256r1"


def _complete_fastly(address: SplitResult, entry: dict[str, object]) -> None:
    """Add whom Fastly signs for, which is one of its services. Its key signs for all of them."""
    service = re.fullmatch(r"/service/(\w+)/?", address.path)
    if address.scheme != "https" or not service:
        raise ValueError(f"of Fastly, which has addresses like https://{FASTLY}/service/<its id>")
    if "control_iss" in entry:
        raise ValueError("of Fastly with iss: its key is an API token, which is sent as it is")
    if not _is_public(entry.get("verify_key")):
        raise ValueError("of Fastly without its public key as verify-key, which docs/fastly.md has")
    entry.setdefault("verify_iss", f"fastly:{service[1]}")
