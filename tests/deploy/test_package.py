"""The package runs as it is, holds what it should and nothing else, and comes out the same every time."""

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from zipfile import ZipFile

import aiohttp
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.package import LIBRARIES, ROOT, SCHEDULER, PackageError, build, main
from deploy.publication import PACKAGES
from local.environment import launched
from local.onepassword import EVENT_TYPES as STREAMS

# Building takes some ten seconds, the wait for another process that builds as long again.
pytestmark = pytest.mark.timeout(300)

NAME: Final = PACKAGES["AzureStorage"]
FOLDERS: Final = {"activities", "entities", "onepassword_sentinel", "orchestrators", "status_page", "triggers"}
FILES: Final = {"function_app.py", "host.json", "requirements.txt"}
MOST_BYTES: Final = 40_000_000
EM_X86_64: Final = 62
PROBE: Final = """
import importlib.util, json, sys
import azure.functions as func
from function_app import app

@app.route("modules")
def modules(req: func.HttpRequest) -> func.HttpResponse:
    loaded = {
        name: [*filter(None, [getattr(module, "__file__", None)]), *getattr(module, "__path__", [])]
        for name, module in list(sys.modules.items())
    }
    found = [name for name in req.params["names"].split(",") if importlib.util.find_spec(name)]
    return func.HttpResponse(json.dumps({"loaded": loaded, "found": found}))
"""


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Provide the folder with the packages, which are built once for all processes that run tests."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "package"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not all((folder / f"{name}.sha256").exists() for name in PACKAGES.values()):
            build(ROOT, folder)
    return folder


@pytest.fixture(scope="session")
def content(built: Path) -> Mapping[str, bytes]:
    """Provide every file of the package."""
    with ZipFile(built / NAME) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def unzipped(built: Path, tmp_path: Path) -> Path:
    """Provide the package as Azure has it."""
    folder = tmp_path / "wwwroot"
    with ZipFile(built / NAME) as archive:
        archive.extractall(folder)
    return folder


def libraries(content: Mapping[str, bytes]) -> set[str]:
    """Name what can be imported from the libraries."""
    tops = {name.removeprefix(f"{LIBRARIES}/").split("/")[0] for name in content if name.startswith(f"{LIBRARIES}/")}
    return {top.partition(".")[0] for top in tops if not top.endswith(".dist-info")} - {"__pycache__"}


def files(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


async def get(url: str, accept: str = "application/json") -> str:
    async with aiohttp.ClientSession() as session, session.get(url, headers={"Accept": accept}) as response:
        assert response.status == 200
        return await response.text()


async def test_it_delivers_every_event(unzipped: Path, tmp_path: Path) -> None:
    """The unzipped package is all that the app needs, down to the bytecode: none is written where none can be."""
    before = files(unzipped)
    async with launched(tmp_path / "state", app_dir=unzipped, storage=True) as env:
        await env.poll_until_healthy()
        for stream in STREAMS:
            account = env.account(stream)
            assert (account.offered, account.rows, account.lost, account.duplicated) == (300, 300, 0, 0), stream
        assert json.loads(await get(f"{env.host.http_url}/api/status"))["dead_letters_problem"] == ""
        assert "</html>" in await get(f"{env.host.http_url}/api/status", "text/html")
    assert files(unzipped) == before


async def test_nothing_comes_from_elsewhere(unzipped: Path, tmp_path: Path, content: Mapping[str, bytes]) -> None:
    """Its worker loads the package and the standard library, and could load nothing of this environment."""
    (unzipped / "probe.py").write_text(PROBE)
    installed = {name for name in importlib.metadata.packages_distributions() if name.isidentifier()}
    foreign = (installed | {"tests", "deploy", "monitor"}) - libraries(content) - {"__pycache__"}
    assert {"pytest", "duckdb", "croniter"} <= foreign
    script = {"PYTHON_SCRIPT_FILE_NAME": "probe.py"}
    async with launched(tmp_path / "state", app_dir=unzipped, change=lambda _: script) as env:
        await env.poll_until_healthy()
        names = ",".join(sorted(foreign | {"grpc"}))
        answer = json.loads(await get(f"{env.host.http_url}/api/modules?names={names}"))
    assert answer["found"] == ["grpc"]
    loaded = {name: [Path(place) for place in places] for name, places in answer["loaded"].items()}
    assert {"azure_functions_runtime", "durabletask", "grpc", "aiohttp", "probe"} <= loaded.keys()
    standard = Path(sysconfig.get_path("stdlib"))
    for name, places in loaded.items():
        for place in places:
            ours = name.startswith("local.host") and place.is_relative_to(ROOT / "local" / "host")
            builtin = place.is_relative_to(standard) and not place.is_relative_to(standard / "site-packages")
            assert ours or builtin or place.is_relative_to(unzipped), (name, place)


def test_only_what_belongs_to_it(content: Mapping[str, bytes]) -> None:
    """A new folder of the repository does not slip in."""
    assert {name.split("/")[0] for name in content} == FOLDERS | FILES | {LIBRARIES.parts[0], "__pycache__"}
    assert [name for name in content if name.startswith("__pycache__/")] == ["__pycache__/function_app.cpython-313.pyc"]
    assert {"status_page/page.html", "status_page/style.css"} <= content.keys()
    assert {"/".join(name.split("/")[:3]) for name in content if name[0] == "."} == {str(LIBRARIES)}


def test_every_file_of_the_app_is_there(content: Mapping[str, bytes]) -> None:
    """What git tracks in the app's folders is in the package, byte for byte."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("only a git checkout says which files are the app's")
    command = ["git", "ls-files", "-z", "--", *sorted(FOLDERS | FILES)]
    tracked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")[:-1]
    assert len(tracked) > len(FOLDERS | FILES)
    for name in tracked:
        if (ROOT / name).exists():
            assert content[name] == (ROOT / name).read_bytes(), name


def test_every_pinned_library_is_there(content: Mapping[str, bytes]) -> None:
    """The libraries are those of requirements.txt, which are those that the tests run with."""
    lines = re.findall(r"^([a-z0-9].*?) ?\\?$", (ROOT / "requirements.txt").read_text(), flags=re.MULTILINE)
    needed = [each for each in map(Requirement, lines) if not each.marker or each.marker.evaluate()]
    found = re.findall(r"/([^/]+)-([^/-]+)\.dist-info/METADATA$", "\n".join(content), re.MULTILINE)
    installed = {f"{canonicalize_name(name)}=={version}" for name, version in found}
    assert installed == {f"{each.name}{each.specifier}" for each in needed}


def test_nothing_that_only_others_read(content: Mapping[str, bytes]) -> None:
    """No stub, source in C, test of a library, script or record of how pip installed; licences stay."""
    other = r"\.(pyi|c|cc|h|pyx|pxd|pxi)$|/tests/|_testcapi|/(RECORD|INSTALLER|REQUESTED|direct_url\.json)$"
    assert [name for name in content if re.search(other, name)] == []
    assert [name for name in content if name.startswith(f"{LIBRARIES}/bin/")] == []
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in content)


def test_shared_objects_are_built_for_azure(content: Mapping[str, bytes]) -> None:
    """They are for Linux on x86_64 and for CPython 3.13, or its stable ABI; and no other program is in the package."""
    shared = {name: data for name, data in content.items() if data[:4] == b"\x7fELF" or ".so" in Path(name).suffixes}
    assert len(shared) > 10
    for name, data in shared.items():
        assert name.endswith((".cpython-313-x86_64-linux-gnu.so", ".abi3.so")), name
        # ELF, of 64 bits, little-endian, and the machine.
        assert (data[:6], int.from_bytes(data[18:20], "little")) == (b"\x7fELF\x02\x01", EM_X86_64), name
    foreign = re.compile(r"-darwin|\.(dylib|pyd|dll|exe)$")
    assert [name for name in content if foreign.search(name)] == []
    # Windows programs and the three kinds of macOS programs.
    magic = (b"MZ", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
    assert [name for name, data in content.items() if data.startswith(magic)] == []


def test_no_library_hides_another_module(content: Mapping[str, bytes]) -> None:
    """Azure looks for modules in the libraries first, then in the standard library and last in the app."""
    brought = libraries(content)
    assert len(brought) > 30
    assert brought & sys.stdlib_module_names == set()
    assert brought & (FOLDERS | {"function_app"}) == set()


def test_every_module_is_compiled(content: Mapping[str, bytes]) -> None:
    """Each has bytecode of this very source, which Python takes without reading the source."""
    modules = [name for name in content if name.endswith(".py")]
    compiled = [name for name in content if name.endswith(".pyc")]
    assert len(modules) == len(compiled) > 1000
    for name in modules:
        bytecode = content[importlib.util.cache_from_source(name)]
        assert bytecode[:4] == importlib.util.MAGIC_NUMBER
        assert int.from_bytes(bytecode[4:8], "little") == 0b01, name
        assert bytecode[8:16] == importlib.util.source_hash(content[name]), name


@pytest.mark.parametrize("name", PACKAGES.values())
def test_its_size_and_checksum(built: Path, name: str) -> None:
    """It is small, since each cold start fetches it, and `sha256sum --check` takes the file beside it."""
    package = (built / name).read_bytes()
    assert len(package) < MOST_BYTES
    assert (built / f"{name}.sha256").read_text() == f"{hashlib.sha256(package).hexdigest()}  {name}\n"


def test_the_package_for_the_scheduler(built: Path, content: Mapping[str, bytes]) -> None:
    """It is the same but for the backend, which host.json names where the platform's scale controller reads it."""
    with ZipFile(built / PACKAGES["DurableTaskScheduler"]) as archive:
        other = {name: archive.read(name) for name in archive.namelist()}
    assert {name for name in content.keys() | other.keys() if content.get(name) != other.get(name)} == {"host.json"}
    expected = json.loads(content["host.json"])
    expected["extensions"]["durableTask"]["storageProvider"] = SCHEDULER
    assert json.loads(other["host.json"]) == expected


@pytest.mark.parametrize("name", PACKAGES.values())
def test_no_package_sorts_entity_messages(built: Path, name: str) -> None:
    """With the sorter on, the Durable extension drops every message to a cursor, and no event is delivered."""
    with ZipFile(built / name) as archive:
        host = json.loads(archive.read("host.json"))
    assert host["extensions"]["durableTask"]["entityMessageReorderWindowInMinutes"] == 0


def test_it_is_the_same_wherever_it_is_built(built: Path, tmp_path: Path) -> None:
    """Folders, umask, locale, time zone, hash seed and what else lies about make no difference."""
    elsewhere = tmp_path / "schöner wohnen" / "checkout"
    for name in (*sorted(FOLDERS), "deploy"):
        shutil.copytree(ROOT / name, elsewhere / name, copy_function=shutil.copyfile)
    for name in (*sorted(FILES), ".funcignore"):
        shutil.copyfile(ROOT / name, elsewhere / name)
    for stray in (
        "local.settings.json",
        ".env",
        "notes.py",
        "venv/lib.py",
        "durable-host/Program.cs",
        f"{LIBRARIES}/evil.py",
        "dist/old.zip",
    ):
        (elsewhere / stray).parent.mkdir(parents=True, exist_ok=True)
        (elsewhere / stray).write_text("0")
    differs = {"PYTHONHASHSEED": "4711", "TZ": "Asia/Tokyo", "LC_ALL": "C", "TMPDIR": str(tmp_path)}
    env = {**os.environ, **differs, "SOURCE_DATE_EPOCH": "1700000000"}
    command = [sys.executable, "-m", "deploy.package"]
    done = subprocess.run(command, cwd=elsewhere, env=env, umask=0o077, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for name in PACKAGES.values():
        again = (elsewhere / "dist" / name).read_bytes()
        assert again == (built / name).read_bytes()
        assert f"dist/{name}\n" in done.stdout
        assert f"\n  sha256 {hashlib.sha256(again).hexdigest()}\n" in done.stdout


def test_without_its_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever has no package index is told what pip said and what to do, and gets no package."""
    for name, value in {"CONFIG_FILE": os.devnull, "NO_INDEX": "1", "FIND_LINKS": str(tmp_path)}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    assert main([str(tmp_path / "dist")]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("pip could not install the app's libraries:\n  ERROR: ")
    assert "`python -m pip config list`" in said.err
    assert not (tmp_path / "dist").exists()


def test_with_another_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bytecode would be of no use, so there is no package."""
    monkeypatch.setattr("deploy.package._PYTHON", "3.14")
    with pytest.raises(PackageError, match=r"^The package is built with Python 3\.14, and this is 3\.13\.\d+\.$"):
        build(ROOT, tmp_path)
