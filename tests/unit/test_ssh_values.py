"""The settings of a tunnel: what they say, and what is wrong with them."""

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from leaderboard_project.ssh_values import (
    parse_forwards,
    parse_host_keys,
    parse_private_key,
    parse_target,
)

KEY = ed25519.Ed25519PrivateKey.generate()
KEYS = [KEY, ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)]
PEM, FORMAT = serialization.Encoding.PEM, serialization.PrivateFormat
OPENSSH = serialization.Encoding.OpenSSH
FREE, LOCKED = serialization.NoEncryption(), serialization.BestAvailableEncryption(b"secret")
HOST_KEY = KEY.public_key().public_bytes(OPENSSH, serialization.PublicFormat.OpenSSH).decode()


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("format", [FORMAT.OpenSSH, FORMAT.PKCS8])
def test_a_private_key_of_any_kind_is_made_one_of_openssh(
    key: ec.EllipticCurvePrivateKey, format: serialization.PrivateFormat
) -> None:
    text = key.private_bytes(PEM, format, FREE).decode()
    in_base64 = f"base64:{base64.b64encode(text.encode()).decode()}"
    # A last newline is lost easily, and Windows ends lines in its own way.
    for way in (text, text.strip(), text.replace("\n", "\r\n"), in_base64):
        parsed = serialization.load_ssh_private_key(parse_private_key(way).encode(), None)
        public = (parsed.public_key(), key.public_key())
        assert public[0] == public[1]


def test_a_key_with_a_passphrase_is_refused() -> None:
    text = KEY.private_bytes(PEM, FORMAT.PKCS8, LOCKED).decode()
    with pytest.raises(ValueError, match="needs a passphrase, which nobody could type: set it"):
        parse_private_key(text)


@pytest.mark.parametrize("text", ["/home/me/.ssh/id_ed25519", "base64:", "base64:####", "\udcff"])
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be read: set it to the whole text") as refused:
        parse_private_key(text)
    assert text.removeprefix("base64:") in ("", *"x") or text not in str(refused.value)


def test_a_key_that_is_cut_short_is_not_repeated() -> None:
    text = KEY.private_bytes(PEM, FORMAT.OpenSSH, FREE).decode()
    with pytest.raises(ValueError) as refused:
        parse_private_key(text[: len(text) // 2])
    assert text[50:70] not in str(refused.value)


def test_host_keys_are_lines_whose_comments_do_not_count() -> None:
    assert parse_host_keys(f"\n{HOST_KEY} root@db \n\n{HOST_KEY}\n") == [HOST_KEY, HOST_KEY]


@pytest.mark.parametrize(
    "text",
    ["SHA256:abc", f"db.example {HOST_KEY}", f"{HOST_KEY}\nssh-rsa A"],
    ids=["fingerprint", "known_hosts", "cut"],  # keys are new in each process
)
def test_what_is_no_host_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="has no public key in .*: set it to a line like ssh-"):
        parse_host_keys(text)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("tunnel@db.example", "tunnel@db.example:22"),
        ("t-1.x@10.0.0.1:2222", "t-1.x@10.0.0.1:2222"),
        ("tunnel@[::1]:2222", "tunnel@[::1]:2222"),
    ],
)
def test_a_target_is_a_user_at_a_host(text: str, written: str) -> None:
    assert str(parse_target(text)) == written


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("db.example", "no user before an @"),
        ("-o@db", "no user"),
        ("u:secret@db", "in 'db', because there is no user"),
        ("u@", "name is not one"),
        ("u@-oProxyCommand=x", "name is not one"),
        ("u@db:0", "port of the host"),
        ("u@db:ssh", "the host is not like"),
        ("u@a,b", "name is not one"),
    ],
)
def test_what_is_wrong_with_a_target_is_named(text: str, said: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse_target(text)
    assert said in str(refused.value) and "write it like tunnel@" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_forwards_are_any_number() -> None:
    text = " 28015:db1:28015\n28016:[::1]:28015 "
    assert [str(each) for each in parse_forwards(text)] == ["28015:db1:28015", "28016:[::1]:28015"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("28015", "'28015', but the port of the host is not from 1"),
        ("28015:db", "the port of the host is not from 1"),
        ("0:db:1", "begin with a port"),
        ("0.0.0.0:1:db:1", "begin with a port"),
        ("1:-x:1", "name is not one"),
        ("1:a:1 1:b:1", "'1:b:1', but port 1 leads elsewhere"),
        ("1:a:70000", "the port of the host is not from 1"),
    ],
)
def test_what_is_wrong_with_a_forward_is_named(text: str, said: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse_forwards(text)
    assert said in str(refused.value) and "like 28015:localhost:28015" in str(refused.value)


@given(st.text())
def test_any_text_is_accepted_or_refused_with_a_sentence(text: str) -> None:
    for parse in (parse_target, parse_private_key, parse_host_keys, parse_forwards):
        try:
            parse(text)
        except ValueError as error:
            assert ": " in str(error) and str(error).endswith(".")
