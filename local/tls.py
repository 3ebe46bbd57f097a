"""Certificates for the simulators, trusted by the app through the ordinary `SSL_CERT_FILE`."""

import ssl
from pathlib import Path

import certifi
import trustme

# What every server here is called.
_NAMES = ("localhost", "127.0.0.1")


class Certificates:
    """A certificate authority of this run only, whose own key never leaves the process."""

    def __init__(self) -> None:
        self._authority = trustme.CA()

    def server_context(self) -> ssl.SSLContext:
        """Make a context for a server on this machine."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(*_NAMES).configure_cert(context)
        return context

    def write_server_files(self, certificate: Path, key: Path) -> None:
        """Write the PEM files for a server on this machine that runs in another process."""
        issued = self._authority.issue_cert(*_NAMES)
        certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        key.touch(mode=0o600)
        key.write_bytes(issued.private_key_pem.bytes())

    def write_bundle(self, path: Path) -> None:
        """Write what the app is to trust: this authority and all that it would trust anyway.

        One of the two remotes may be real, so the system's authorities stay.
        """
        system = ssl.get_default_verify_paths().cafile or certifi.where()
        path.write_bytes(Path(system).read_bytes() + b"\n" + self._authority.cert_pem.bytes())
