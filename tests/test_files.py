"""Files are written whole or not at all."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from lmzoo.errors import ArgumentError, DataError
from lmzoo.files import (
    append_line,
    lock_folder,
    remove_leftovers,
    replacing,
    write_json,
    write_text,
)


def test_text_and_json_come_back(tmp_path):
    path = tmp_path / "new folder" / "file.json"
    write_json(path, {"老人": [1, None]})
    assert json.loads(path.read_text(encoding="utf-8")) == {"老人": [1, None]}
    assert "老人" in path.read_text(encoding="utf-8")
    write_json(str(path), [1], indent=1)
    assert path.read_text(encoding="utf-8") == "[\n 1\n]\n"
    write_text(path, "ä")
    assert path.read_bytes() == "ä".encode()
    assert list(path.parent.iterdir()) == [path]


def write_half(path):
    with replacing(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt


def test_a_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    write_text(path, "old")
    with pytest.raises(TypeError, match="serializable"):
        write_json(path, object())
    with pytest.raises(KeyboardInterrupt):
        write_half(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_json_is_strict(tmp_path):
    write_json(tmp_path / "file.json", {"a": [float("inf"), {"b": float("nan")}], "c": 1.5})
    assert (tmp_path / "file.json").read_text() == '{"a": [null, {"b": null}], "c": 1.5}\n'


def test_a_line_is_appended_whole_or_not_at_all(tmp_path):
    path = tmp_path / "log.jsonl"
    append_line(path, "é")
    append_line(path, "b")
    assert path.read_text("utf-8") == "é\nb\n"
    code = (
        "import resource, sys; from lmzoo.files import append_line, write_text\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"  # as a full disk
        "for write in (append_line, write_text):\n"
        "    try: write(sys.argv[1], 'x' * 20)\n"
        "    except ValueError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )
    assert done.stdout.count("cannot write") == done.stdout.count("free some space") == 2
    assert path.read_text("utf-8") == "é\nb\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "message"),
    [("x" * 300, "File name too long"), ("file/below", "it is a file: name a folder"),
     ("folder", "it is a folder")],
)  # fmt: skip
def test_errors_of_the_system_name_the_file_and_the_remedy(tmp_path, name, message):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match=message):
        write_text(tmp_path / name, "text")
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder"}


def test_a_folder_is_held_by_one_program_and_a_dead_one_holds_nothing(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from lmzoo.files import lock_folder\n"
        "lock = lock_folder(Path(sys.argv[1])); print('held', flush=True); time.sleep(600)"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(ArgumentError, match=f"in use by process {other.pid} on"):
            lock_folder(tmp_path)
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
    lock = lock_folder(tmp_path)
    assert lock_folder(tmp_path) is lock
    lock.release()
    assert not list(tmp_path.iterdir())
    assert lock_folder(tmp_path).release.alive


def test_what_a_killed_program_was_writing_is_removed(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for pid in (dead.pid, os.getpid()):
        (tmp_path / f".last.{pid}.tmp.keras").touch()
    (tmp_path / ".hidden").touch()
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        ".hidden",
        f".last.{os.getpid()}.tmp.keras",
    }


def test_numpy_is_written_as_json_holds_it(tmp_path):
    write_json(tmp_path / "file", {"a": np.int64(3), "b": np.array([0.5]), "c": np.bool_(True)})
    assert json.loads((tmp_path / "file").read_text()) == {"a": 3, "b": [0.5], "c": True}
