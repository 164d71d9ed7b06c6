"""Both sides as processes of their own: nothing of one is alive while the other is measured."""

import json
import os
import shlex
import subprocess
from pathlib import Path

from errors import Failure

FOLDER = Path(__file__).resolve().parent

# Settings of the caller's shell that would change one side and not the other.
FOREIGN = ("OMP_", "GOMP_", "KMP_", "MKL_", "ONEDNN_", "DNNL_", "MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD", "TORCH", "PYTORCH_", "RAYON_", "JIKJI_")
SHOWN_LINES = 20


def environment(**settings):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {**kept, "NO_COLOR": "1", "HF_HUB_OFFLINE": "1", **settings}


def run(command, settings, folder=None):
    """Stdout of a command that must succeed."""
    command = [str(word) for word in command]
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment(**settings), stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
    except OSError as error:
        raise Failure(f"failed to start `{command[0]}`: {error.strerror}", "give its path with --jikji or --python") from error
    if done.returncode != 0:
        said = "\n".join(done.stderr.strip().splitlines()[-SHOWN_LINES:])
        raise Failure(f"`{shlex.join(command)}` ended with {done.returncode}:\n{said}")
    return done.stdout


def run_json(command, settings):
    output = run(command, settings)
    try:
        return json.loads(output)
    except json.JSONDecodeError as error:
        raise Failure(f"`{command[0]}` printed no JSON: {output[:200]!r}", "is it the right program?") from error


def jikji(path, arguments, threads, folder):
    return run([path, *arguments], {"RAYON_NUM_THREADS": str(threads)}, folder)


def jikji_json(path, arguments, threads):
    return run_json([path, *arguments], {"RAYON_NUM_THREADS": str(threads)})


def pytorch_json(python, script, arguments, compile_cache):
    # One process compiles, so that no idle helper is left beside the counted steps.
    settings = {"TORCHINDUCTOR_CACHE_DIR": str(compile_cache), "TORCHINDUCTOR_COMPILE_THREADS": "1"}
    return run_json([python, FOLDER / script, *arguments], settings)


def existing_jikji(path):
    found = Path(path).resolve()
    if not os.access(found, os.X_OK) or found.is_dir():
        raise Failure(f"no program at `{path}`", "cargo build --release, or give --jikji PATH")
    return found
