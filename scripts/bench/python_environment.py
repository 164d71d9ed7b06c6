"""The Python that runs the other side: a virtual environment, made once and made again when the requirements change."""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

from errors import Failure, say

FOLDER = Path(__file__).resolve().parent
REQUIREMENTS = FOLDER / "requirements.txt"
# Below `target/`, which git ignores and `cargo clean` removes.
ENVIRONMENT = FOLDER.parents[1] / "target" / "bench-pytorch"


def interpreter(chosen, modules, requirements=REQUIREMENTS, folder=ENVIRONMENT):
    """The chosen interpreter, or that of the environment; either has the modules."""
    if chosen:
        # Not resolved: an environment is known by the path of its link.
        return check(Path(chosen).absolute(), modules, requirements)
    python = folder / "bin" / "python"
    made_from = folder / "requirements.txt"
    if not (made_from.is_file() and made_from.read_text() == requirements.read_text()):
        make(python, requirements, folder)
        # Last, so that an environment that was not finished is made again.
        shutil.copy(requirements, made_from)
    return check(python, modules, requirements)


def make(python, requirements, folder):
    if sys.version_info < (3, 11):
        raise Failure("Python 3.11 or later is needed", "start this script with it, or give it with --python PATH")
    say(f"making a virtual environment in {folder}; with PyTorch, which is large, this takes minutes")
    venv.create(folder, clear=True, with_pip=True)
    installed = subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", requirements], stdin=subprocess.DEVNULL)
    if installed.returncode != 0:
        raise Failure(
            f"pip could not install `{requirements}`",
            "see its message above; or give an interpreter that has these packages with --python PATH",
        )


def check(python, modules, requirements):
    try:
        done = subprocess.run([python, "-c", f"import {', '.join(modules)}"], capture_output=True, text=True)
    except OSError as error:
        raise Failure(f"failed to start `{python}`: {error.strerror}", "give an interpreter with --python PATH") from error
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()[-1:]
        raise Failure(
            f"`{python}` cannot run this side: {' '.join(said)}",
            f"Python 3.11 or later, then: {python} -m pip install -r {requirements}",
        )
    return python
