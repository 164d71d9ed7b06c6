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


def facts():
    model, flags = processor()
    return {
        "processor": model,
        "instructions": [name for name in INSTRUCTIONS if name in flags],
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.release()}",
        "load_at_start": round(os.getloadavg()[0], 2),
    }


def processor():
    """Model name and flags of the first core; elsewhere than on Linux what Python knows."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine(), set()
    fields = dict(map(str.strip, line.split(":", 1)) for line in text.split("\n\n")[0].splitlines() if ":" in line)
    return fields.get("model name", platform.machine()), set(fields.get("flags", fields.get("Features", "")).split())


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
