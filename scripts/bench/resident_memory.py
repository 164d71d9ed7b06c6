"""Reads the memory of this process in the same way as jikji. Linux only; empty elsewhere."""


def now():
    """Bytes of resident memory, of mapped file pages (libraries) in it, and of the peak so far."""
    names = {"VmRSS": "resident_bytes", "RssFile": "mapped_file_bytes", "VmHWM": "peak_bytes"}
    try:
        with open("/proc/self/status", encoding="utf-8") as status:
            fields = dict(line.split(":", 1) for line in status)
    except OSError:
        return {}
    return {ours: int(fields[theirs].split()[0]) * 1024 for theirs, ours in names.items() if theirs in fields}


def reset_peak():
    """Resets the peak; the value 5 is documented in proc(5). If the system refuses, the peak covers
    the whole process."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="utf-8") as file:
            file.write("5")
    except OSError:
        pass
