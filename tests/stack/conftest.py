import signal


def pytest_configure():
    """SIGTERM ends the tests as Ctrl-C does: with everything they have started."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
