"""Measures the processor time that other programs use. A busy machine may slow the two sides
differently."""

import os
import resource
import time


class Watch:
    """Starts measuring when it is created."""

    def __init__(self):
        self.started, self.busy, self.own = time.monotonic(), busy_seconds(), own_seconds()

    def share(self):
        """The share of processor time used by other programs; `None` if the system does not report
        it."""
        if self.busy is None:
            return None
        elapsed = (time.monotonic() - self.started) * os.cpu_count()
        return max(0.0, (busy_seconds() - self.busy) - (own_seconds() - self.own)) / elapsed


def busy_seconds():
    """Busy time of all cores since boot, including time stolen by the host (proc(5))."""
    try:
        with open("/proc/stat", encoding="utf-8") as file:
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, file.readline().split()[1:9])
    except (OSError, ValueError):
        return None
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def own_seconds():
    """Processor time of all child processes that have ended, including their children."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
