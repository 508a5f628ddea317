from __future__ import annotations

import socket

from devstack.ports import LOOPBACK, free_port


def test_nobody_listens_on_a_free_port():
    with socket.socket() as server:
        server.bind((LOOPBACK, free_port()))
