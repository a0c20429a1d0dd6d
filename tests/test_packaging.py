"""Builds the wheel, looks into it, installs it beside nothing else, and imports it from there."""

import configparser
import email
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import lmzoo

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
# What setuptools reads; built from a copy, because a build leaves files in its folder.
PARTS = ("lmzoo", "pyproject.toml", "README.md", "LICENSE")
QUIET = ("--quiet", "--no-index", "--no-deps", "--disable-pip-version-check")


def run(*command, **options):
    done = subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, text=True, **options
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(name="wheel", scope="module")
def built_wheel(tmp_path_factory):
    """The wheel, built without the network by the setuptools of this environment."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in PARTS:
        if (ROOT / name).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, ignore=ignore)
        else:
            shutil.copy(ROOT / name, source)
    run("-m", "pip", "wheel", *QUIET, "--no-build-isolation", "-w", target, source)
    (path,) = target.glob("*.whl")
    return path


@pytest.fixture(name="installed", scope="module")
def installed_wheel(wheel, tmp_path_factory):
    target = tmp_path_factory.mktemp("installed")
    run("-m", "pip", "install", *QUIET, "--target", target, wheel)
    return target


def dist_info(wheel, name):
    with zipfile.ZipFile(wheel) as archive:
        (member,) = [n for n in archive.namelist() if n.endswith(f".dist-info/{name}")]
        return archive.read(member).decode("utf-8")


def test_the_wheel_holds_every_file_of_the_package(wheel):
    files = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "lmzoo").rglob("*")
        if path.suffix == ".py" or path.name == "py.typed"
    }
    assert "lmzoo/py.typed" in files
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == files


def test_there_is_one_version_number(wheel):
    assert "version" in PROJECT["dynamic"]
    assert "version:" not in (ROOT / "CITATION.cff").read_text("utf-8").replace("cff-version:", "")
    assert email.message_from_string(dist_info(wheel, "METADATA"))["Version"] == lmzoo.__version__


def test_the_metadata_name_license_links_and_extras(wheel):
    metadata = email.message_from_string(dist_info(wheel, "METADATA"))
    assert metadata["License-Expression"] == "Apache-2.0"
    links = dict(link.split(", ") for link in metadata.get_all("Project-URL"))
    assert links.keys() >= {"Homepage", "Documentation", "Source", "Issues"}
    assert set(metadata.get_all("Provides-Extra")) == {"bench", "docs", "hf", "test"}
    assert metadata.get_payload().startswith("# lmzoo\n")


def test_the_console_script_is_declared(wheel):
    scripts = configparser.ConfigParser()
    scripts.read_string(dist_info(wheel, "entry_points.txt"))
    assert dict(scripts["console_scripts"]) == {"lmzoo": "lmzoo.cli:main"}


def test_the_installed_wheel_imports_from_its_folder(installed, tmp_path):
    """The command's function and the version, too, come from the installed files."""
    code = (
        "import importlib.metadata, pathlib, lmzoo; "
        "found = importlib.metadata.distribution('lmzoo'); "
        "assert found.version == lmzoo.__version__; "
        "assert all(callable(entry.load()) for entry in found.entry_points); "
        "print(pathlib.Path(lmzoo.__file__).parent)"
    )
    environment = os.environ | {"PYTHONPATH": str(installed)}
    printed = run("-c", code, cwd=tmp_path, env=environment)
    assert Path(printed.splitlines()[-1]) == installed / "lmzoo"


def test_every_requirement_is_bounded_below():
    """importlib_resources is there only because tensorflow-datasets forgets to name it."""
    extras = PROJECT["optional-dependencies"]
    lines = [*PROJECT["dependencies"], *(line for lines in extras.values() for line in lines)]
    free = [name for line in lines if not (name := Requirement(line)).specifier]
    assert {requirement.name for requirement in free} == {"importlib_resources", "lmzoo"}


def test_contributing_names_every_dependency():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    extras = PROJECT["optional-dependencies"].values()
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in extra)]
    names = {Requirement(line).name for line in lines} - {"lmzoo"}
    assert not {name for name in names if name not in text}


def test_pre_commit_and_the_test_extra_hold_the_same_ruff():
    (pin,) = [line for line in PROJECT["optional-dependencies"]["test"] if "ruff" in line]
    hooks = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    assert hooks.count(f'["{pin}"]') == hooks.count("additional_dependencies") == 2


def test_the_workflow_calls_the_ci_script():
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    assert "run: .ci/run" in workflow
    versions = [c.rsplit(" ", 1)[1] for c in PROJECT["classifiers"] if "Python ::" in c]
    assert "python: [" + ", ".join(f'"{v}"' for v in versions) + "]" in workflow
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
