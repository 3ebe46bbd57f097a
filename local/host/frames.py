"""Messages between host and worker: a four-byte big-endian length, then one JSON object.

JSON rather than protobuf because Microsoft ships the Functions RPC schema only inside its worker; bytes (HTTP bodies)
travel as base64 inside it, see :mod:`local.host.protos`.
"""

import asyncio
import json
import socket
import struct
from typing import Any

type Frame = dict[str, Any]

_LENGTH = struct.Struct(">I")


def pack(frame: Frame) -> bytes:
    """Return the frame as it goes over the wire."""
    body = json.dumps(frame, separators=(",", ":")).encode()
    return _LENGTH.pack(len(body)) + body


async def read_frame(reader: asyncio.StreamReader) -> Frame | None:
    """Return the next frame, or None when the other side is gone."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        body = await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    frame: Frame = json.loads(body)
    return frame


def receive_frame(connection: socket.socket) -> Frame | None:
    """Return the next frame from a blocking socket, or None when the other side is gone."""
    head = _receive(connection, _LENGTH.size)
    if head is None:
        return None
    body = _receive(connection, _LENGTH.unpack(head)[0])
    if body is None:
        return None
    frame: Frame = json.loads(body)
    return frame


def _receive(connection: socket.socket, length: int) -> bytes | None:
    buffer = bytearray(length)
    view = memoryview(buffer)
    while view.nbytes:
        try:
            received = connection.recv_into(view)
        except ConnectionError:
            return None
        if not received:
            return None
        view = view[received:]
    return bytes(buffer)
