"""Runs the tutorials."""

from tests.docs.pages import PAGES, TEXTS, blocks, run_page


def test_add_a_model(folder):
    names = run_page("docs/add_a_model.md")
    assert names["mixed"].recipe["embed_dim"] == 16
    assert [type(block).__name__ for block in names["model"].blocks] == ["ShiftBlock"] * 2


def test_add_a_task(folder):
    names = run_page("docs/add_a_task.md")
    assert names["data"].steps_per_epoch == 10
    assert -1 <= names["correlation"] <= 1
    code = [len(block.splitlines()) for block in blocks(TEXTS["docs/add_a_task.md"], "python")]
    text = TEXTS["docs/add_a_task.md"]
    assert f"{code[1]} lines of data, {code[2]} of model, {code[3]} of example" in text


def test_add_a_source(folder):
    names = run_page("docs/add_a_source.md")
    answers = names["answers"]
    assert len(answers) == 20
    assert all(len(answer) <= 6 and max(answer, default=0) < 14 for answer in answers)


def test_every_page_with_code_is_run_by_a_test():
    """Each is named in a test of this folder; the snippets have their own file."""
    folder = PAGES["README.md"].parent / "tests" / "docs"
    tests = "".join(path.read_text("utf-8") for path in sorted(folder.glob("test_*.py")))
    with_code = [name for name, text in TEXTS.items() if blocks(text, "python")]
    assert len(with_code) >= 18
    assert not [name for name in with_code if f'"{name}"' not in tests]
