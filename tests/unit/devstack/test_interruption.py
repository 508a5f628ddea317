from __future__ import annotations

import signal
import threading

import pytest

from devstack.interruption import uninterrupted


def test_a_signal_waits_for_the_end_of_the_block():
    reached = []

    def work():
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            reached.append("end")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached == ["end"]


def test_the_usual_handlers_are_back_afterwards():
    before = signal.getsignal(signal.SIGTERM)
    with uninterrupted():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_it_may_be_used_in_any_thread():
    done = []

    def work():
        with uninterrupted():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
