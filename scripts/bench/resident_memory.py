"""What this process holds in memory, as jikji reads it of itself. Linux only; elsewhere nothing is known."""


def now():
    """Bytes: resident in all, of it pages of mapped files (libraries), and the highest so far."""
    names = {"VmRSS": "resident_bytes", "RssFile": "mapped_file_bytes", "VmHWM": "peak_bytes"}
    try:
        with open("/proc/self/status", encoding="utf-8") as status:
            fields = dict(line.split(":", 1) for line in status)
    except OSError:
        return {}
    return {ours: int(fields[theirs].split()[0]) * 1024 for theirs, ours in names.items() if theirs in fields}


def reset_peak():
    """Starts the peak anew; 5 is documented in proc(5). Where the system refuses, the peak stays that of the whole process."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="utf-8") as file:
            file.write("5")
    except OSError:
        pass
