"""Ends as it is told: with an exit code, or with another one when a signal comes."""

import os
import signal
import sys
import time

if code := os.environ.get("EXIT_CODE"):
    sys.exit(int(code))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print("waiting", flush=True)
time.sleep(30)
