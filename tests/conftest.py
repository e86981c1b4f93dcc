"""Every test has a home of its own, no settings of the person who runs it, and only the loopback network."""

import signal

pytest_plugins = ["hca_core.testing.fixtures"]

# Who starts the tests in the background of a script makes them, and all that they start, deaf to Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
