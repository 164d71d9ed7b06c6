"""Which machine and which versions a page speaks of."""

import hashlib
import os
import platform
import subprocess
from pathlib import Path

import processes

REPOSITORY = Path(__file__).resolve().parents[2]
# What decides how fast a matrix product can be, where the model name says little.
INSTRUCTIONS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "sve", "bf16")
# `torch.__version__` also says which build it is.
PYTORCH_VERSIONS = """
import json, platform, torch, transformers
print(json.dumps({"python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__}))
"""


# Additions and multiplications in f32 of a core and cycle with AVX-512, by vendor and family: two units of 16 lanes on Intel's
# servers and AMD's Zen 5, half of that on Zen 4. With AVX2 it is two units of 8 lanes everywhere.
OPERATIONS_WITH_AVX512 = {("GenuineIntel", 6): 64, ("AuthenticAMD", 25): 32, ("AuthenticAMD", 26): 64}
OPERATIONS_WITH_AVX2 = 32


def facts():
    fields = processor()
    flags = set(fields.get("flags", fields.get("Features", "")).split())
    return {
        "processor": fields.get("model name", platform.processor() or platform.machine()),
        "model": {name: fields.get(name) for name in ("vendor_id", "cpu family", "model", "stepping")},
        "instructions": [name for name in INSTRUCTIONS if name in flags],
        "peak": peak(fields, flags),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.release()}",
        "load_at_start": round(os.getloadavg()[0], 2),
    }


def processor():
    """What the system says of the first core; elsewhere than on Linux nothing."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return {}
    return dict(map(str.strip, line.split(":", 1)) for line in text.split("\n\n")[0].splitlines() if ":" in line)


def peak(fields, flags):
    """Operations in f32 of a core, a cycle, and cycles a second as the system says; `None` of a processor that is not listed."""
    if "avx512f" in flags:
        a_cycle = OPERATIONS_WITH_AVX512.get((fields.get("vendor_id"), int(fields.get("cpu family", 0))))
    else:
        a_cycle = OPERATIONS_WITH_AVX2 if {"avx2", "fma"} <= flags else None
    if a_cycle is None or "cpu MHz" not in fields:
        return None
    return {"operations_a_cycle": a_cycle, "hertz": float(fields["cpu MHz"]) * 1e6}


def versions(jikji, python):
    return {
        "jikji": processes.run([jikji, "--version"], {}).strip(),
        "jikji_sha256": hashlib.sha256(jikji.read_bytes()).hexdigest()[:12],
        "checkout": checkout(),
        **processes.run_json([python, "-c", PYTORCH_VERSIONS], {}),
    }


def checkout():
    """The commit that this script was started from. Whether the binary was built from it, nobody can tell."""
    commit, changed = git("rev-parse", "--short", "HEAD"), git("status", "--porcelain", "--untracked-files=no")
    if commit is None:
        return None
    return commit + (" with changes" if changed else "")


def git(*arguments):
    try:
        done = subprocess.run(["git", "-C", REPOSITORY, *arguments], capture_output=True, text=True)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
