"""What may import what, what `import lmzoo` may load, and what its public names must offer."""

import ast
import inspect
import subprocess
import sys
import types
from collections import Counter
from pathlib import Path

import pytest

import lmzoo

PACKAGE = Path(lmzoo.__file__).parent

# Everybody may import these; nobody may import what is not listed.
SHARED = {"errors", "files", "labels", "loops", "special_ids", "typing"}
ALLOWED = {
    **{name: set() for name in SHARED},
    "layers": {"losses"},
    "grammar": set(),
    "tokenizers": set(),
    "data": {"dialogue_format", "files", "grammar", "tokenizers"},
    "losses": set(),
    "metrics": {"losses"},
    "schedules": set(),
    "optimizers": set(),
    "registry": set(),
    "dialogue_format": set(),
    "generation": {"dialogue_format"},
    "models": {"layers", "losses", "metrics", "registry"},
    "evaluation": {"data", "generation", "grammar", "metrics"},
    "callbacks": {"evaluation", "generation", "metrics"},
    "training": {"losses"},
    "pretrained": {"data", "models", "registry", "tokenizers"},
    "runs": {"data", "registry"},
    "__main__": {"cli"},
    "cli": {
        "__init__",
        "callbacks",
        "data",
        "evaluation",
        "generation",
        "losses",
        "metrics",
        "optimizers",
        "pretrained",
        "registry",
        "runs",
        "schedules",
        "training",
    },
}
# The same inside lmzoo/data, whose modules and folders import each other in one direction only.
ROOMS = {
    "corpus": set(),
    "digests": set(),
    "records": {"corpus"},
    "splits": {"corpus", "digests"},
    "text": {"corpus", "digests", "splits"},
    "batching": {"corpus"},
    "tags": {"batching", "corpus"},
    "readers": {"corpus", "records", "splits", "tags", "text"},
    "sources": {"corpus", "readers", "records", "splits", "tags"},
    "transforms": {"batching", "corpus"},
    "saved_task": {"tags"},
    "prepared": {"batching", "corpus", "saved_task"},
    "tasks": {
        "batching",
        "corpus",
        "digests",
        "prepared",
        "saved_task",
        "sources",
        "splits",
        "tags",
        "text",
        "transforms",
    },
}
HEAVY = ["datasets", "tensorflow_text", "tensorflow_datasets", "sentencepiece", "tokenizers"]
KERAS_ARGUMENTS = {"name", "dtype", "trainable"}  # every layer and metric of Keras has these


def part(dotted):
    """Return the second word of "lmzoo.grammar": data."""
    return [*dotted.split("."), "__init__"][1]


def imported(path):
    """Yield the parts of lmzoo that a file imports anywhere, functions included."""
    module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (part(n.name) for n in node.names if n.name.split(".")[0] == "lmzoo")
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*module.split(".")[: -node.level], *base.split(".")]).rstrip(".")
            if base == "lmzoo":
                yield from (part(f"lmzoo.{n.name}") for n in node.names)
            elif base.split(".")[0] == "lmzoo":
                yield part(base)


def test_imports_follow_the_design():
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        of = path.relative_to(PACKAGE).with_suffix("").parts[0]
        if of == "__init__":
            continue
        assert of in ALLOWED, f"say in {Path(__file__).name} what lmzoo.{of} may import"
        allowed = ALLOWED[of] | {of} | SHARED
        wrong += [f"{path.relative_to(PACKAGE)} -> {i}" for i in imported(path) if i not in allowed]
    assert not wrong


def modules_imported(path):
    """Yield the modules that a file imports anywhere, functions included, by their full names."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: import by the full name"
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def test_imports_inside_data_go_one_way():
    """Readers know no task, and no task another."""
    wrong = []
    for path in sorted((PACKAGE / "data").rglob("*.py")):
        parts = path.relative_to(PACKAGE / "data").with_suffix("").parts
        if parts == ("__init__",):
            continue
        assert parts[0] in ROOMS, f"say in {Path(__file__).name} what data.{parts[0]} may import"
        for name in modules_imported(path):
            room, *rest = [*name.split(".")[2:], ""] if name.startswith("lmzoo.data.") else [""]
            is_own = room == parts[0] and (room != "tasks" or rest[0] in ("", parts[-1]))
            if room and not is_own and room not in ROOMS[parts[0]]:
                wrong.append(f"{path.relative_to(PACKAGE)} -> {name}")
    assert not wrong


@pytest.mark.parametrize("rule", [ALLOWED, ROOMS], ids=["lmzoo", "data"])
def test_the_rule_has_no_cycle(rule):
    done = set()
    while left := {name for name in rule if name not in done}:
        ready = {name for name in left if rule[name] - {"__init__"} <= done}
        assert ready, f"these import each other: {sorted(left)}"
        done |= ready


def test_no_folder_holds_more_than_twelve_files():
    counts = Counter(path.parent.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
    assert not {str(folder): count for folder, count in counts.items() if count > 12}


def test_importing_lmzoo_loads_no_optional_library():
    code = f"import sys, lmzoo; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def surfaces():
    """Return lmzoo and those of its public names that are modules with public names."""
    named = [getattr(lmzoo, name, None) for name in lmzoo.__all__]
    return [lmzoo, *(m for m in named if isinstance(m, types.ModuleType) and hasattr(m, "__all__"))]


def public():
    """Return (dotted name, object) for every public function and class, each once."""
    found = {}
    for module in surfaces():
        for name in module.__all__:
            thing = getattr(module, name, None)
            if inspect.isclass(thing) or inspect.isfunction(inspect.unwrap(thing)):
                found.setdefault(id(thing), (f"{module.__name__}.{name}", thing))
    return sorted(found.values(), key=lambda pair: pair[0])


def test_what_all_promises_is_there():
    """That `__all__` is sorted is ruff's to check (RUF022)."""
    for module in surfaces():
        names = list(module.__all__)
        assert len(set(names)) == len(names), f"{module.__name__}.__all__ repeats a name"
        missing = [name for name in names if not hasattr(module, name)]
        assert not missing, f"{module.__name__} lacks {missing}"


def test_no_public_name_is_left_out_of_all():
    shown = {
        name
        for name, value in vars(lmzoo).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert not shown - set(lmzoo.__all__)


def complaints(name, thing):
    """Yield what a public function or class lacks in documentation and type hints."""
    doc = inspect.getdoc(thing) or ""
    if not doc or (inspect.isclass(thing) and thing.__doc__ is None):
        yield f"{name}: no docstring"
        return
    if inspect.isclass(thing):
        if thing.__init__ is object.__init__ or issubclass(thing, Exception):
            return
        if "__init__" not in vars(thing):
            return
        doc += inspect.getdoc(thing.__init__) or ""
        signature = inspect.signature(thing.__init__)
        parameters = list(signature.parameters.values())[1:]
        parameters = [p for p in parameters if p.name not in KERAS_ARGUMENTS]
    else:
        signature = inspect.signature(thing)
        parameters = list(signature.parameters.values())
        if signature.return_annotation is inspect.Signature.empty:
            yield f"{name}: no type hint for what it returns"
        elif signature.return_annotation is not None and not (
            "Returns:" in doc or "Yields:" in doc
        ):
            yield f"{name}: no Returns"
    named = [p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    if named and "Args:" not in doc:
        yield f"{name}: no Args"
    for parameter in named:
        if parameter.annotation is inspect.Parameter.empty:
            yield f"{name}: no type hint for {parameter.name}"
        if f"{parameter.name}:" not in doc and f"{parameter.name}," not in doc:
            yield f"{name}: Args does not explain {parameter.name}"


@pytest.mark.parametrize("surface", [m.__name__ for m in surfaces()])
def test_public_names_are_documented_and_typed(surface):
    of_it = [(n, t) for n, t in public() if n.rpartition(".")[0] == surface]
    assert not [complaint for name, thing in of_it for complaint in complaints(name, thing)]
