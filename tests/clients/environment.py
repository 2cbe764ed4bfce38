"""The Python environments and npm packages of the real clients: made once, outside of the clone, and used again while they fit."""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "mizzen/peers"


def find_uv() -> list[str]:
    """`uv`, from the path or from PyPI."""
    if uv := shutil.which("uv"):
        return [uv]
    home = CACHE / "uv"
    if not (home / "bin/uv").exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([str(home / "bin/python"), "-m", "pip", "install", "--quiet", "uv"], check=True)
    return [str(home / "bin/uv")]


def python(requirements: pathlib.Path = HERE / "requirements.txt") -> str:
    """An interpreter that has what `requirements` says; a changed file gets a new environment."""
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    home = CACHE / f"{requirements.parent.name}-{digest}"
    if not (home / "complete").exists():
        print(f"installing {requirements.parent.name} into {home}", flush=True)
        uv = find_uv()
        subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(home)], check=True)
        subprocess.run([*uv, "pip", "install", "--quiet", "--python", str(home / "bin/python"), "-r", str(requirements)],
                       check=True)
        (home / "complete").touch()
    return str(home / "bin/python")


def node_modules(package: pathlib.Path, given: str | None = None) -> pathlib.Path:
    """What a `package.json` says, installed; or the folder that was `given`."""
    if given:
        return pathlib.Path(given)
    home = CACHE / f"node-{hashlib.sha256(package.read_bytes()).hexdigest()[:12]}"
    if not (home / "complete").exists():
        print(f"installing {package.parent.name} into {home}", flush=True)
        home.mkdir(parents=True, exist_ok=True)
        shutil.copy(package, home)
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=home, check=True)
        (home / "complete").touch()
    return home / "node_modules"
