"""Certificates for the simulators, trusted by the app through the ordinary `SSL_CERT_FILE`."""

import ssl
from pathlib import Path

import certifi
import trustme


class Certificates:
    """A certificate authority of this run only, whose keys never leave the process."""

    def __init__(self) -> None:
        self._authority = trustme.CA()

    def server_context(self) -> ssl.SSLContext:
        """Make a context for a server on this machine."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        return context

    def write_bundle(self, path: Path) -> None:
        """Write what the app is to trust: this authority and all that it would trust anyway.

        One of the two remotes may be real, so the system's authorities stay.
        """
        system = ssl.get_default_verify_paths().cafile or certifi.where()
        path.write_bytes(Path(system).read_bytes() + b"\n" + self._authority.cert_pem.bytes())
