"""A program that is asked to end ends as with Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from headhunt.signals import ended_like_ctrl_c


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_it_is_a_keyboard_interrupt_and_later_ones_do_not_disturb(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    finished = []

    def work() -> None:
        with ended_like_ctrl_c():
            try:
                os.kill(os.getpid(), number)
                signal.pause()
            finally:
                os.kill(os.getpid(), signal.SIGTERM)  # impatient
                os.kill(os.getpid(), signal.SIGHUP)
                finished.append(True)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert finished
    assert signal.getsignal(number) == before


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with ended_like_ctrl_c():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_other_threads_are_left_alone() -> None:
    went = []

    def work() -> None:
        with ended_like_ctrl_c():
            went.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert went == [signal.SIG_DFL]
