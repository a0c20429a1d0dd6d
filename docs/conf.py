"""Settings of the site: `sphinx-build docs docs/_build/html` builds it."""

import os
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from sphinx.util import inspect

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import lmzoo

ROOT = Path(__file__).resolve().parents[1]
REPOSITORY = "https://github.com/lmzoo/lmzoo"

project = "lmzoo"
author = "The lmzoo authors"
project_copyright = author
release = version = lmzoo.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build"]
nb_execution_mode = "off"  # the tests run the code of every page
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
suppress_warnings: list[str] = []

html_theme = "furo"
html_title = f"lmzoo {release}"
html_static_path = ["_static"]
html_theme_options = {"source_repository": REPOSITORY, "source_branch": "main"}

# Docstrings: Google's sections, Markdown's single backticks for code.
default_role = "code"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = ["Source"]
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_inherit_docstrings = False
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
toc_object_entries_show_parents = "hide"

LINK = re.compile(r"(?<=\]\()(?P<target>(?!\w+:|#)[^)\s]+)(?=\))")
IN_CODE = re.compile(r"(`[^`]*`)")


def link_to_repository(text: str, folder: Path) -> str:
    """Turn relative links to files outside docs/ into links to the repository; pictures stay."""

    def replace(match: re.Match[str]) -> str:
        target = match["target"]
        path = (folder / target.split("#")[0]).resolve()
        outside = path.is_relative_to(ROOT) and not path.is_relative_to(ROOT / "docs")
        if not outside or path.suffix in {".png", ".svg"}:
            return target
        kind = "tree" if path.is_dir() else "blob"
        return f"{REPOSITORY}/{kind}/main/{path.relative_to(ROOT).as_posix()}"

    return LINK.sub(replace, text)


def on_source_read(app: Any, docname: str, source: list[str]) -> None:
    """Rewrite the links of a page."""
    source[0] = link_to_repository(source[0], (ROOT / "docs" / docname).parent)


def on_include_read(app: Any, path: Path, parent: str, source: list[str]) -> None:
    """Rewrite the links of a file that a page includes."""
    source[0] = link_to_repository(source[0], (ROOT / "docs" / path).resolve().parent)


def escape_docstring(
    app: Any, what: str, name: str, obj: object, options: Any, lines: list[str]
) -> None:
    """Escape what reStructuredText would take for markup: docstrings have code and text only.

    Names of arguments that go on in a second line are first joined.
    """
    text = re.sub(r"^( *[\w, ]+,)\n +([\w, ]+:)", r"\1 \2", "\n".join(lines), flags=re.MULTILINE)
    lines[:] = text.split("\n")
    in_example = False
    for number, line in enumerate(lines):
        in_example = line.lstrip().startswith(">>> ") or (in_example and bool(line.strip()))
        if in_example:
            continue
        pieces = IN_CODE.split(line)
        pieces[::2] = [re.sub(r"([*|\\]|(?<=\w)_(?!\w))", r"\\\1", piece) for piece in pieces[::2]]
        lines[number] = "".join(pieces)


def class_signature(
    app: Any, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: Any
) -> tuple[str, None] | None:
    """Show a class's `__init__` where Keras's `__new__`, which takes anything, hides it."""
    if what != "class" or signature != "(*args, **kwargs)":
        return None
    found = inspect.signature(obj.__init__, bound_method=True)
    return inspect.stringify_signature(found, unqualified_typehints=True), None


def skip_member(
    app: Any, what: str, name: str, obj: object, skip: bool, options: Any
) -> bool | None:
    """Leave out what another page describes: each object has one place, `lmzoo` before others."""
    page = app.env.docname.removeprefix("api/")
    if what != "module" or page == "lmzoo":
        return None
    if getattr(lmzoo, name, None) is obj and name in lmzoo.__all__:
        return True
    home = (getattr(obj, "__module__", None) or "").split(".")[1:2]
    if home in ([], [page]):
        return None if home else True
    elsewhere = getattr(getattr(lmzoo, home[0], None), "__all__", ())
    here = getattr(getattr(lmzoo, page, None), "__all__", ())
    return True if name in elsewhere or name not in here else None


def write_reference(app: Any) -> None:
    """Write a page for each public module; api/index.md lists them."""
    modules = {name for name in lmzoo.__all__ if isinstance(getattr(lmzoo, name), ModuleType)}
    folder = ROOT / "docs" / "api"
    for page in folder.glob("*.md"):
        if page.stem not in {"index", "lmzoo", "grammar", *modules}:
            page.unlink()
    for name in ("lmzoo", *(f"lmzoo.{module}" for module in {*modules, "grammar"})):
        page = folder / f"{name.removeprefix('lmzoo.')}.md"
        text = f"# {name}\n\n```{{eval-rst}}\n.. automodule:: {name}\n```\n"
        if not page.exists() or page.read_text("utf-8") != text:
            page.write_text(text, "utf-8")


def setup(app: Any) -> None:
    """Connect the functions above."""
    app.connect("builder-inited", write_reference)
    app.connect("source-read", on_source_read)
    app.connect("include-read", on_include_read)
    app.connect("autodoc-process-docstring", escape_docstring, priority=400)
    app.connect("autodoc-process-signature", class_signature)
    app.connect("autodoc-skip-member", skip_member)
