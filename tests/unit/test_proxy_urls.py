"""The addresses in GRIP_URL: what is made of them, and what is said of bad ones."""

import base64
import re

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from django.core.exceptions import ImproperlyConfigured

from leaderboard_project.proxy_urls import parse_proxy
from tests.support.fastly import FASTLY, GRIP_URL, PEM, SERVICE, TOKEN, VERIFY_KEY
from tests.support.programs import PROJECT
from tests.unit.test_settings import load_settings

SECRET = "c2VjcmV0LXNlY3JldA"
FASTLY_URL = f"https://api.fastly.com/service/{SERVICE}"
RSA = base64.b64encode(
    b"-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----"
).decode()


def test_fastly_is_published_to_with_its_token_and_believed_with_its_public_key() -> None:
    [proxy] = load_settings(GRIP_URL=GRIP_URL)["GRIP_PROXIES"]
    key = proxy.pop("verify_key")
    assert isinstance(key, EllipticCurvePublicKey)
    assert key.public_numbers() == FASTLY.public_key().public_numbers()
    issuer = f"fastly:{SERVICE}"
    assert proxy == {"control_uri": FASTLY_URL, "key": TOKEN, "verify_iss": issuer}


def test_whom_fastly_signs_for_may_be_said() -> None:
    assert parse_proxy(f"{GRIP_URL}&verify-iss=fastly")["verify_iss"] == "fastly"


def test_a_public_key_may_stand_as_text() -> None:
    text = PEM.decode().replace("+", "%2B").replace(" ", "%20").replace("\n", "%0A")
    proxy = parse_proxy(f"{FASTLY_URL}/?key={TOKEN}&verify-key={text}")
    assert isinstance(proxy["verify_key"], EllipticCurvePublicKey)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            f"{FASTLY_URL}?key={SECRET}",
            "without its public key as verify-key, which docs/fastly.md has",
        ),
        (f"{FASTLY_URL}?key={SECRET}&verify-key={SECRET}", "public key as verify-key"),
        (f"{FASTLY_URL}?verify-key={VERIFY_KEY}", "without a key"),
        (f"{FASTLY_URL}?key={SECRET}&verify-key=base64:{RSA}", "no public key for ES256"),
        (f"{FASTLY_URL}?key={SECRET}&verify-key=base64:A", "a key that is not base64"),
        (f"{FASTLY_URL}?key={SECRET}&verify_key={VERIFY_KEY}", "none of iss, key, verify-iss"),
        (f"{FASTLY_URL}?key=A&{SECRET}=&verify-key={VERIFY_KEY}&{SECRET}=1", "none of iss, key"),
        (f"{GRIP_URL}&iss={SECRET}", "of Fastly with iss"),
        (GRIP_URL.replace("https:", "http:"), "addresses like https://api.fastly.com/service/"),
        (GRIP_URL.replace("/service", ""), "addresses like https://api.fastly.com/service/"),
        (f"http://localhost:5561?key=base64:{SECRET}AA", "in base64 and without iss"),
        (f"http://localhost:{SECRET}?key=k", "that can be read"),
        (f"https://fanout.example?key={SECRET}&verify-key={VERIFY_KEY}", "without verify-iss"),
    ],
)
def test_a_bad_address_is_refused_without_its_secrets(url: str, said: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        load_settings(GRIP_URL=url)
    message = str(refused.value)
    assert message.startswith("GRIP_URL names the proxy '")
    assert said in message
    assert "https://api.fastly.com/service/<id>?key=<token>&verify-key=base64:..." in message
    assert not any(secret in message for secret in (TOKEN, f"={SECRET}", "AAAA"))


def test_the_address_in_the_documentation_has_fastlys_public_key() -> None:
    page = (PROJECT / "docs/fastly.md").read_text()
    [line] = re.findall(r'^GRIP_URL="(.*)"$', page, re.MULTILINE)
    [proxy] = load_settings(GRIP_URL=line)["GRIP_PROXIES"]
    assert proxy["control_uri"] == "https://api.fastly.com/service/SERVICE_ID"
    assert proxy["verify_iss"] == "fastly:SERVICE_ID"
    assert isinstance(proxy["verify_key"], EllipticCurvePublicKey)
