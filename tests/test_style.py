"""Lint, format, types, sizes, and the rules of the house that no tool checks."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("lmzoo", "examples", "tests", "benchmarks")
PYTHON = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
PACKAGE = [path for path in PYTHON if path.is_relative_to(ROOT / "lmzoo")]

LEFTOVERS = re.compile(
    r"TO[D]O|FIX[M]E|XX[X]\b|type:[ ]ignore|#\s*noq[a]|NotImplemente[d]Error"
    r"|pytest\.(mark\.)?(ski[p]|xfai[l]|importorski[p])|unittest\.ski[p]"
)
# The registry hands what it is given to the builder: the only functions with open arguments.
OPEN_ARGUMENTS = {"build_model"}
# These override methods of Keras, whose callers pass arguments by name that only Keras knows.
KERAS_METHODS = {
    "__init__",
    "compile",
    "compute_loss",
    "compute_output_spec",
    "fit",
    "evaluate",
    "predict",
    "quantize",
    "save",
    "test_on_batch",
    "train_on_batch",
}


def run(*command):
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


def functions(path, tree=None):
    """Yield every function of a file and every method, but none defined inside a function."""
    for node in (tree or ast.parse(path.read_text(encoding="utf-8"))).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from functions(path, node)


def place(path, line):
    return f"{path.relative_to(ROOT)}:{line}"


def test_ruff_finds_nothing():
    run("ruff", "check", ".")


def test_ruff_would_format_nothing():
    run("ruff", "format", "--check", ".")


def test_mypy_finds_nothing():
    run("mypy")


@pytest.mark.parametrize(
    ("folder", "limit"), [("lmzoo", 400), ("benchmarks", 400), ("examples", 120)]
)
def test_files_are_short(folder, limit):
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in PYTHON
        if path.is_relative_to(ROOT / folder)
    }
    assert lengths
    assert not {name: lines for name, lines in lengths.items() if lines > limit}


def test_functions_are_short():
    """A function's docstring, which may hold a worked example, does not count."""
    too_long = []
    for path in PACKAGE:
        for node in functions(path):
            start = node.body[0].end_lineno if ast.get_docstring(node) else node.lineno
            if node.end_lineno - start + 1 > 60:
                too_long.append(place(path, node.lineno))
    assert not too_long


def test_functions_have_few_arguments():
    too_many = []
    for path in PACKAGE:
        for node in functions(path):
            names = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            if len([a for a in names if a.arg not in ("self", "cls")]) > 14:
                too_many.append(place(path, node.lineno))
    assert not too_many


def test_public_functions_name_their_arguments():
    allowed = OPEN_ARGUMENTS | KERAS_METHODS
    open_arguments = [
        f"{place(path, node.lineno)} {node.name}(**{node.args.kwarg.arg})"
        for path in PACKAGE
        for node in functions(path)
        if node.args.kwarg and not (node.name.startswith("_") or node.name in allowed)
    ]
    assert not open_arguments


def test_nothing_is_left_undone_or_silenced():
    found = [
        f"{place(path, number)} {line.strip()}"
        for path in PYTHON
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if LEFTOVERS.search(line)
    ]
    assert not found


def test_reshaping_lines_end_with_their_shape():
    """The transpose of a matrix, `ops.transpose(x)`, speaks for itself."""
    without = []
    for path in PACKAGE:
        if "layers" not in path.parts:
            continue
        source = path.read_text(encoding="utf-8")
        lines = source.splitlines()
        statements = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.stmt)]
        for statement in statements:
            if hasattr(statement, "body"):
                continue
            for node in ast.walk(statement):
                if reshapes(node):
                    of_it = lines[node.lineno - 1 : statement.end_lineno]
                    if not any(re.search(r"#.*\(.*\)[^()]*$", line) for line in of_it):
                        without.append(
                            f"{place(path, node.lineno)} {lines[node.lineno - 1].strip()}"
                        )
    assert not without


def reshapes(node):
    """Say whether a node is a call of ops.reshape, or of ops.transpose with axes."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    if getattr(node.func.value, "id", "") != "ops":
        return False
    arguments = len(node.args) + len(node.keywords)
    return node.func.attr == "reshape" or (node.func.attr == "transpose" and arguments > 1)


def test_ci_runs_the_test_command_of_the_readme():
    command = 'python -m pip install -e ".[test]" && python -m pytest'
    assert command in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
