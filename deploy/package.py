"""Builds the packages that Azure runs: the app, its libraries and their bytecode in one zip.

    python -m deploy.package [folder]

There is one for each durable backend; they differ in host.json alone. The same files give the same bytes, whatever the
clock, the locale, the umask or the name of a folder. Those files are the app's, the wheels that requirements.txt names
by their hashes, the release of Python 3.13 (it writes the bytecode) and the zlib that this Python is linked with (it
compresses).
"""

import hashlib
import json
import os
import platform
import shutil
import stat
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from pathspec import GitIgnoreSpec

from deploy.publication import PACKAGES

ROOT: Final = Path(__file__).resolve().parents[1]
SCHEDULER: Final = {"type": "azureManaged", "connectionStringName": "DURABLE_TASK_SCHEDULER_CONNECTION_STRING"}
LIBRARIES: Final = PurePosixPath(".python_packages/lib/site-packages")

_PYTHON: Final = "3.13"
# The oldest glibc that wheels are built for: what runs there runs on every image that Azure has.
_PLATFORM: Final = "manylinux2014_x86_64"
_BIGGEST: Final = 6
_UNIX: Final = 3


class PackageError(RuntimeError):
    """The package could not be built; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Package:
    """What was built. Sizes in bytes; those of the parts are compressed ones, by library or folder of the app."""

    path: Path
    size: int
    files: int
    sha256: str
    parts: Mapping[str, int]

    def __str__(self) -> str:
        biggest = sorted(self.parts.items(), key=lambda part: -part[1])[:_BIGGEST]
        return (
            f"{self.path}\n"
            f"  {_megabytes(self.size)} in {self.files:,} files\n"
            f"  sha256 {self.sha256}\n"
            f"  built with Python {platform.python_version()} and zlib {zlib.ZLIB_RUNTIME_VERSION}\n"
            f"  biggest: {', '.join(f'{name} {_megabytes(size)}' for name, size in biggest)}"
        )


def build(root: Path, folder: Path) -> list[Package]:
    """Build the packages of the app in `root`, and beside each a file with its SHA-256.

    :raises PackageError: a library cannot be had, a module cannot be compiled, or this is another Python.
    """
    if not platform.python_version().startswith(f"{_PYTHON}."):
        raise PackageError(f"The package is built with Python {_PYTHON}, and this is {platform.python_version()}.")
    with TemporaryDirectory() as temporary:
        stage = Path(temporary).resolve()
        ignored = copy_app(root, stage)
        _install(root / "requirements.txt", stage / LIBRARIES)
        for file in list(ignored.match_tree_files(stage)):
            (stage / file).unlink()
        _compile(stage)
        folder.mkdir(parents=True, exist_ok=True)
        packages = [_compress(stage, folder / PACKAGES["AzureStorage"])]
        _use_scheduler(stage / "host.json")
        packages.append(_compress(stage, folder / PACKAGES["DurableTaskScheduler"]))
    for package in packages:
        checksum = f"{package.sha256}  {package.path.name}\n"
        package.path.with_name(f"{package.path.name}.sha256").write_text(checksum, encoding="ascii", newline="\n")
    return packages


def copy_app(root: Path, stage: Path) -> GitIgnoreSpec:
    """Copy what belongs to the app, without its libraries; return what .funcignore says."""
    ignored = GitIgnoreSpec.from_lines((root / ".funcignore").read_text(encoding="utf-8").splitlines())
    for entry in root.iterdir():
        # Core Tools leaves libraries of its own choice there.
        if entry.name == LIBRARIES.parts[0]:
            continue
        if entry.is_dir() and not ignored.match_file(f"{entry.name}/"):
            shutil.copytree(entry, stage / entry.name)
        elif entry.is_file() and not ignored.match_file(entry.name):
            shutil.copyfile(entry, stage / entry.name)
    return ignored


def _install(requirements: Path, target: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    pinned = ["--require-hashes", "--no-deps", "--requirement", str(requirements), "--target", str(target)]
    built_for = ["--only-binary=:all:", "--implementation=cp", f"--python-version={_PYTHON}", f"--platform={_PLATFORM}"]
    done = subprocess.run([*pip, *pinned, *built_for], capture_output=True, text=True, check=False)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")] or [done.stderr.strip()]
        raise PackageError(
            "\n  ".join(["pip could not install the app's libraries:", *errors])
            + "\nIt needs the network, and a package index that has every wheel in requirements.txt:\n"
            "`python -m pip config list` says which one it asks. If pyproject.toml was changed, `make lock` first."
        )


def _compile(stage: Path) -> None:
    """Write the bytecode that Azure could not keep: the package is read-only there, and each cold start would compile.

    In a process of its own, since what a process has interned before shows in the bytecode. `unchecked-hash` because
    the other kinds hold the source's time, or have Python read the source to compare.
    """
    compiler = [sys.executable, "-P", "-S", "-m", "compileall", "-q", "--invalidation-mode=unchecked-hash"]
    # Without -s each module would name this folder.
    command = [*compiler, "-s", str(stage), str(stage)]
    done = subprocess.run(command, env={"PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackageError(f"The package cannot be compiled:\n{done.stdout}{done.stderr}")


def _use_scheduler(host: Path) -> None:
    settings = json.loads(host.read_text(encoding="utf-8"))
    settings["extensions"]["durableTask"]["storageProvider"] = SCHEDULER
    host.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8", newline="\n")


def _compress(stage: Path, target: Path) -> Package:
    parts: Counter[str] = Counter()
    names = sorted(file.relative_to(stage).as_posix() for file in stage.rglob("*") if file.is_file())
    with ZipFile(target, "w") as archive:
        for name in names:
            # As it is made it says 1980-01-01.
            entry = ZipInfo(name)
            entry.create_system = _UNIX
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, (stage / name).read_bytes(), ZIP_DEFLATED)
            parts[_part(PurePosixPath(name))] += entry.compress_size
    content = target.read_bytes()
    return Package(target, len(content), len(names), hashlib.sha256(content).hexdigest(), parts)


def _part(name: PurePosixPath) -> str:
    return name.relative_to(LIBRARIES).parts[0] if name.is_relative_to(LIBRARIES) else name.parts[0]


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def main(arguments: Sequence[str]) -> int:
    """Build the packages into the folder that is named, or into dist, and say what they are."""
    folder = Path(arguments[0]) if arguments else Path(os.path.relpath(ROOT / "dist"))
    try:
        print(*build(ROOT, folder), sep="\n")
    except PackageError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
