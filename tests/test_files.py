"""Files are written whole or not at all."""

import json

import numpy as np
import pytest

from lmzoo.files import replacing, write_json, write_text


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


def test_numpy_is_written_as_json_holds_it(tmp_path):
    write_json(tmp_path / "file", {"a": np.int64(3), "b": np.array([0.5]), "c": np.bool_(True)})
    assert json.loads((tmp_path / "file").read_text()) == {"a": 3, "b": [0.5], "c": True}
