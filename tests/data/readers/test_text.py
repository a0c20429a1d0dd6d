"""Reading files: what a block is, what is mended, and what is refused with which words."""

import gzip
import re
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmzoo.data.readers import text as files
from lmzoo.data.readers.text import encoding_of, read_blocks, read_lines, read_text_files
from lmzoo.errors import ArgumentError, DataError


def read(tmp_path, data, **options):
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    counts = Counter()
    return "".join(read_blocks(path, counts, **options)), counts


@given(
    text=st.text(st.sampled_from("ab \r\né好\ufeff\U0001f600"), max_size=60),
    block=st.integers(3, 9),
    limit=st.one_of(st.none(), st.integers(1, 9)),
    packed=st.booleans(),
)
def test_blocks_join_to_the_text_whatever_their_size(tmp_path_factory, text, block, limit, packed):
    path = tmp_path_factory.mktemp("files") / "a"
    data = text.encode()
    path.write_bytes(gzip.compress(data) if packed else data)
    before, files.BLOCK_BYTES = files.BLOCK_BYTES, block
    try:
        blocks = list(read_blocks(path, Counter(), line_limit=limit))
    finally:
        files.BLOCK_BYTES = before
    assert "".join(blocks) == text.removeprefix("\ufeff")
    assert all(blocks)
    for one, other in pairwise(blocks):
        assert not (one.endswith("\r") and other.startswith("\n"))
        assert limit is not None or one.endswith("\n")


def test_a_bom_is_dropped_and_counted(tmp_path):
    assert read(tmp_path, b"\xef\xbb\xbfhello\n") == ("hello\n", {"bom": 1})


def test_a_few_nul_bytes_pass(tmp_path):
    assert read(tmp_path, b"a\0b\r\n")[0] == "a\0b\r\n"


def test_many_nul_bytes_are_a_binary_file_and_the_offset_is_named(tmp_path):
    with pytest.raises(DataError, match=r"not a text file: .* NUL bytes .* offset 4;.*UTF-8"):
        read(tmp_path, b"text" + b"\0\1" * 100)


@pytest.mark.parametrize("name", ["utf-16", "utf-16-le"])
def test_utf16_is_named_with_its_remedy(tmp_path, name):
    with pytest.raises(DataError, match="iconv -f UTF-16"):
        read(tmp_path, "some text in another encoding\n".encode(name))


def test_a_picture_is_binary(tmp_path):
    with pytest.raises(DataError, match="not a text file"):
        read(tmp_path, b"\x89PNG\r\n\x1a\n" + bytes(range(1, 32)) * 3)


@pytest.mark.parametrize("block", [1, 2, 5, 1 << 20])
@pytest.mark.parametrize("packed", [False, True])
def test_broken_utf8_is_named_by_offset_and_line(tmp_path, block, packed, monkeypatch):
    monkeypatch.setattr(files, "BLOCK_BYTES", block)
    data = "好\none\ntwo ".encode() + b"\xe5\xa5x\n"
    found = re.escape("byte 0xe5 at offset 12 (line 3)")
    with pytest.raises(DataError, match=found + r'.*errors="replace"'):
        read(tmp_path, gzip.compress(data) if packed else data)


@pytest.mark.parametrize("block", [1, 3, 1 << 20])
def test_broken_utf8_can_be_replaced_and_is_counted(tmp_path, block, monkeypatch):
    monkeypatch.setattr(files, "BLOCK_BYTES", block)
    text, counts = read(tmp_path, b"a\xff b\xef\xbf\xbd c\xe5\xa5", errors="replace")
    assert text == "a\ufffd b\ufffd c\ufffd"
    assert counts == {"broken_bytes": 2}


def test_a_character_cut_off_at_the_end_is_broken(tmp_path):
    with pytest.raises(DataError, match=r"offset 1 \(line 1\)"):
        read(tmp_path, b"a\xe5\xa5")


def test_a_missing_file(tmp_path):
    with pytest.raises(DataError, match=r"there is no file .*nowhere\.txt"):
        list(read_blocks(tmp_path / "nowhere.txt", Counter()))


@pytest.mark.parametrize("damage", [lambda d: d[:-12], lambda d: d[:20] + b"\0\0" + d[22:]])
def test_a_damaged_gzip_file(tmp_path, damage):
    data = gzip.compress(bytes(range(32, 127)) * 40)
    with pytest.raises(DataError, match="damaged gzip file"):
        read(tmp_path, damage(data))


def test_another_word_for_errors(tmp_path):
    with pytest.raises(ArgumentError, match="'ignore'; choose"):
        read(tmp_path, b"a", errors="ignore")


def test_text_files_give_blocks_with_what_was_repaired(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "BLOCK_BYTES", 4)
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfone\ntwo\n")
    (tmp_path / "b").write_bytes(b"x\xff\n")
    assert list(read_text_files([tmp_path / "a", tmp_path / "b"], "replace")) == [
        {"text": "one\n", "block": 0, "repaired": {"bom": 1}},
        {"text": "two\n", "block": 1},
        {"text": "x\ufffd\n", "block": 0, "repaired": {"broken_bytes": 1}},
    ]


@pytest.mark.parametrize("packed", [False, True])
def test_lines_of_files_in_utf8_and_latin1(tmp_path, packed):
    lines = ["one\u2028 é", "", "two"]
    for encoding in ("utf-8", "latin-1"):
        path = tmp_path / f"{encoding}{'.gz' * packed}"
        data = "\r\n".join(lines).replace("\u2028", "\x85").encode(encoding)
        path.write_bytes(gzip.compress(data) if packed else data)
        assert encoding_of(path) == encoding
        found = [line.replace("\x85", "\u2028") for line in read_lines(path, encoding)]
        assert found == lines
