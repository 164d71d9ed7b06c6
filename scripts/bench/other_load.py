"""How much of the machine something else took meanwhile: a busy machine need not slow both sides alike."""

import os
import resource
import time


class Watch:
    """Starts now."""

    def __init__(self):
        self.started, self.busy, self.own = time.monotonic(), busy_seconds(), own_seconds()

    def share(self):
        """Processor time that was not our children's, of all there was; `None` where the system does not say."""
        if self.busy is None:
            return None
        elapsed = (time.monotonic() - self.started) * os.cpu_count()
        return max(0.0, (busy_seconds() - self.busy) - (own_seconds() - self.own)) / elapsed


def busy_seconds():
    """Of all cores since the start of the system, time stolen by the host included (proc(5))."""
    try:
        with open("/proc/stat", encoding="utf-8") as file:
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, file.readline().split()[1:9])
    except (OSError, ValueError):
        return None
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def own_seconds():
    """Of children that have ended, theirs included."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
