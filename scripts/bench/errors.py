"""One kind of failure: what went wrong, and the way out."""

import sys


class Failure(Exception):
    def __init__(self, message, hint=None):
        super().__init__(message)
        self.hint = hint

    def report(self):
        print(f"error: {self}", file=sys.stderr)
        if self.hint:
            print(f"hint: {self.hint}", file=sys.stderr)


def say(text):
    print(text, file=sys.stderr, flush=True)
