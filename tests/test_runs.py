"""A training's folder is read back, or the error is lmzoo's own and names the file."""

import contextlib
import json
import shutil
import zipfile

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lmzoo
from lmzoo.errors import ArgumentError, DataError, LmzooError

ANY = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    data = lmzoo.data.prepare_lm(["a b c", "b c a"] * 20, tokenizer="word", deduplicate=False,
                                 sequence_length=8, batch_size=2)  # fmt: skip
    data.save(folder)
    lmzoo.build_gru_lm(data.vocab_size, embed_dim=4, hidden_dim=4).save(folder / "model.keras")
    return folder


@pytest.fixture
def copy(run, tmp_path):
    return shutil.copytree(run, tmp_path / "run")


def edit(folder, change):
    """Rewrites model.keras with the members that a function changed."""
    with zipfile.ZipFile(folder / "model.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(folder / "model.keras", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def edit_recipe(folder, **changes):
    def change(members):
        config = json.loads(members["config.json"])
        config["config"].update(changes)
        members["config.json"] = json.dumps(config)

    edit(folder, change)


def test_a_run_comes_back(run):
    model, saved = lmzoo.load_run(run)
    assert model.vocab_size == saved.tokenizer.vocab_size
    assert saved.task == "lm"


@pytest.mark.parametrize(
    "sizes",
    [{"vocab_size": 55_000_000}, {"hidden_dim": 10**12}, {"vocab_size": 10**30}],
    ids=str,
)
def test_sizes_that_are_not_those_of_the_weights_are_refused_before_memory_is_taken(copy, sizes):
    edit_recipe(copy, **sizes)
    with pytest.raises(DataError, match=f"bytes of weights.*{next(iter(sizes.values()))}"):
        lmzoo.load_run(copy)


def test_what_was_refused_is_not_made_later(copy):
    edit_recipe(copy, hidden_dim=10**12)
    with pytest.raises(DataError):
        lmzoo.load_run(copy)
    with keras.StatelessScope():
        pass  # at its end Keras makes the variables that wait


def test_a_model_larger_than_the_memory_is_refused():
    recipe = lmzoo.build_gru_lm(9, embed_dim=4, hidden_dim=4).recipe
    with pytest.raises(ArgumentError, match=r"vocab_size=10{15}"):
        lmzoo.registry.rebuild({**recipe, "vocab_size": 10**15})
    with pytest.raises(ArgumentError, match="num_layers is 5000"):
        lmzoo.registry.rebuild({**recipe, "num_layers": 5000})


@pytest.mark.parametrize(
    "recipe",
    [{"builder": "nope"}, {"builder": 3}, {"builder": None}, {"embed_dim": "x"}, {"embed_dim": -1},
     {"hidden_dim": None}, {"unknown": 1}, {"transforms": 3}, {"transforms": [{"name": "no"}]},
     {"dtype": "float9"}, {"vocab_size": 9}],
    ids=str,
)  # fmt: skip
def test_a_damaged_recipe_is_an_error_of_ours(copy, recipe):
    edit_recipe(copy, **recipe)
    with pytest.raises(LmzooError):
        lmzoo.load_run(copy)


@pytest.mark.parametrize("member", ["config.json", "model.weights.h5"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"[]", b"[" * 100_000, b"\xff"], ids=repr)
def test_a_damaged_member_is_named_with_its_file(copy, member, content):
    edit(copy, lambda m: m.pop(member) if content is None else m.update({member: content}))
    with pytest.raises(DataError, match=r"model\.keras cannot be loaded|model\.keras holds"):
        lmzoo.load_run(copy)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_flipped_and_missing_bytes_are_errors_of_ours(run, tmp_path, seed, is_cut):
    content = bytearray((run / "model.keras").read_bytes())
    rng = np.random.default_rng(seed)
    if is_cut:
        del content[rng.integers(len(content)) :]
    else:
        for place in rng.integers(len(content), size=20):
            content[place] = rng.integers(256)
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    with contextlib.suppress(DataError):  # flips may lie in the weights
        lmzoo.load_model(path)


@pytest.mark.parametrize("name", ["task.json", "tokenizer.json"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_json_is_an_error_of_ours(run, tmp_path_factory, name, data):
    good = (run / name).read_text("utf-8")
    record = json.loads(good)
    key = data.draw(st.sampled_from(sorted(record)))
    text = data.draw(
        st.just(json.dumps({**record, key: data.draw(ANY)}))
        | ANY.map(json.dumps)
        | st.just("[" * 100_000)
        | st.integers(0, len(good)).map(lambda cut: good[:cut])
    )
    folder = tmp_path_factory.mktemp("damaged")
    for other in ("task.json", "tokenizer.json"):
        shutil.copy(run / other, folder)
    (folder / name).write_text(text, "utf-8")
    with contextlib.suppress(LmzooError):
        lmzoo.data.load_task(folder)


def test_a_folder_without_a_model_is_told_apart(tmp_path, run):
    with pytest.raises(ArgumentError, match="name the folder of a training"):
        lmzoo.load_run(tmp_path)
    shutil.copy(run / "task.json", tmp_path)
    with pytest.raises(ArgumentError, match="has not got so far"):
        lmzoo.load_run(tmp_path)
    (tmp_path / "model.keras").mkdir()
    with pytest.raises(DataError, match=r"model\.keras is a folder"):
        lmzoo.load_model(tmp_path / "model.keras")
    with pytest.raises(DataError, match="text of 5,000 characters"):
        lmzoo.load_run("a" * 5000)


def test_sizes_from_numpy_are_sizes():
    sizes = {"embed_dim": np.int32(4), "hidden_dim": np.array([4])[0], "dropout": np.float32(0.5)}
    recipe = lmzoo.build_gru_lm(np.int64(9), **sizes).recipe
    assert json.loads(json.dumps(recipe)) == recipe
    assert (recipe["vocab_size"], recipe["embed_dim"], recipe["dropout"]) == (9, 4, 0.5)
    widths = lmzoo.build_cnn_classifier(
        9, num_classes=np.int64(2), embed_dim=4, filters=np.int16(3), widths=[*np.arange(2, 4)]
    )  # fmt: skip
    assert widths.recipe["widths"] == [2, 3]
