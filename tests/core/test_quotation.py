"""What a remote says is repeated in one line, and never a secret."""

import pytest

from onepassword_sentinel.quotation import one_line, quoted


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b"", ""),
        (b" \n ", ""),
        (b"404 page not found\n", "“404 page not found”"),
        (b"<html>\n  <p>busy</p>", "“<html> <p>busy</p>”"),
        (b"caf\xe9", "“caf\ufffd”"),
        (b"x" * 200, f"“{'x' * 159}…”"),
        (b"you sent s3cret twice: s3cret", "“you sent [token] twice: [token]”"),
        (b'{"header":"bearer abc.def-_g"}', '“{"header":"Bearer [token]"}”'),
        (b"x" * 150 + b" s3cret and more", f"“{'x' * 150} [token] …”"),
    ],
)
def test_a_body_becomes_a_quotation(body: bytes, line: str) -> None:
    """White space is folded, length is bounded, and the token is gone before anything is cut."""
    assert quoted(body, secret="s3cret") == line


def test_what_a_library_says_of_its_objects_is_left_out() -> None:
    """An operator has no use for an address in memory."""
    said = "Cannot connect to host x:1 ssl:<ssl.SSLContext object at 0x7fa7> [Connect call failed ('127.0.0.1', 1)]"
    assert one_line(said) == "Cannot connect to host x:1 [Connect call failed ('127.0.0.1', 1)]"
    assert one_line("Cannot connect to host x:1 ssl:default [refused]") == "Cannot connect to host x:1 [refused]"
