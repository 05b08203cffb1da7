"""Files of scorers prove themselves: what is saved comes back exactly, what is damaged is refused."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import numpy as safetensors_numpy

from headhunt.artefacts.scorers import FittedOn, load, of, save
from headhunt.errors import ArtefactError, HeadhuntError
from headhunt.scorers import METHODS, Scorer, score
from headhunt.store import Store
from tests.hostile import mutated
from tests.made_scorers import HEADS, D, K, rows, scorer_of
from tests.soak import drawn


@pytest.mark.parametrize("method", METHODS)
def test_a_saved_scorer_comes_back_exactly(method: str, tmp_path: Path) -> None:
    scorer, (z, context, _) = scorer_of(method), rows()
    save(scorer, tmp_path / "ucf.v1.2")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["ucf.v1.2.json", "ucf.v1.2.safetensors"]
    for name in ("ucf.v1.2", "ucf.v1.2.json", "ucf.v1.2.safetensors"):
        back = load(tmp_path / name)
        assert (back.method, back.heads, back.head_dim, back.hidden) == (method, HEADS, D, scorer.hidden)
        assert back.facts == scorer.facts
        np.testing.assert_array_equal(score(back, z, context), score(scorer, z, context))


def test_the_json_starts_with_format_and_version_and_names_the_digest(tmp_path: Path) -> None:
    save(scorer_of("logistic"), tmp_path / "a")
    data = json.loads((tmp_path / "a.json").read_text())
    assert list(data)[:2] == ["format", "version"]
    assert (data["format"], data["version"]) == ("headhunt-scorer", 1)
    assert data["sha256"] == hashlib.sha256((tmp_path / "a.safetensors").read_bytes()).hexdigest()


def test_arrays_in_any_memory_order_are_saved_right(tmp_path: Path) -> None:
    coef = np.arange(D * K, dtype=np.float64).reshape(D, K).T
    save(Scorer("svm", HEADS, D, None, {"coef": coef, "intercept": np.ones(2)[::2]}), tmp_path / "a")
    np.testing.assert_array_equal(load(tmp_path / "a").arrays["coef"], coef)


def test_saving_replaces_the_old_scorer(tmp_path: Path) -> None:
    save(scorer_of("mlp"), tmp_path / "a")
    save(scorer_of("svm"), tmp_path / "a.json")
    assert load(tmp_path / "a").method == "svm"


def damaged(data: dict[str, object]) -> list[bytes]:
    changes: list[dict[str, object]] = [
        {"format": "headhunt-heads"},
        {"version": 2},
        {"method": "forest"},
        {"heads": [[0, 0]]},
        {"heads": [[2, 1], [2, 1], [0, 3]]},
        {"heads": [[-1, 0], [0, 3], [5, 0]]},
        {"heads": 3},
        {"head_dim": 5},
        {"head_dim": 4.0},
        {"head_dim": None},
        {"hidden": 7},
        {"facts": [1]},
        {"sha256": "0" * 64},
    ]
    texts = [json.dumps(data | change).encode() for change in changes]
    texts += [json.dumps({k: v for k, v in data.items() if k != missing}).encode() for missing in data]
    whole = json.dumps(data).encode()
    return [*texts, b"", b"[]", b"null", whole[: len(whole) // 2], b"\xff\xfe" + whole, b"[" * 100_000]


def test_every_damaged_json_is_refused(tmp_path: Path) -> None:
    save(scorer_of("logistic"), tmp_path / "a")
    for text in damaged(json.loads((tmp_path / "a.json").read_text())):
        (tmp_path / "a.json").write_bytes(text)
        with pytest.raises(ArtefactError):
            load(tmp_path / "a")


def test_damaged_truncated_and_missing_arrays_are_refused(tmp_path: Path) -> None:
    save(scorer_of("logistic"), tmp_path / "a")
    arrays = tmp_path / "a.safetensors"
    whole = arrays.read_bytes()
    flipped = bytearray(whole)
    flipped[-3] ^= 1
    for blob in (b"", whole[:-1], bytes(flipped), whole + b"\0"):
        arrays.write_bytes(blob)
        with pytest.raises(ArtefactError, match="next: "):
            load(tmp_path / "a")
    arrays.unlink()
    with pytest.raises(ArtefactError, match="next: "):
        load(tmp_path / "a")


def test_foreign_arrays_with_a_matching_digest_are_refused(tmp_path: Path) -> None:
    save(scorer_of("logistic"), tmp_path / "a")
    data = json.loads((tmp_path / "a.json").read_text())
    nan = {"coef": np.full((K, D), np.nan), "intercept": np.zeros(1)}
    short = {"coef": np.zeros((K, 2)), "intercept": np.zeros(1)}
    whole_numbers = {"coef": np.zeros((K, D), np.int64), "intercept": np.zeros(1)}
    flat = {"coef": np.zeros(K * D), "intercept": np.zeros(1)}
    blobs = [safetensors_numpy.save(arrays) for arrays in (nan, short, whole_numbers, flat, {"other": np.zeros(1)})]
    for blob in [*blobs, b"", b"not safetensors at all"]:
        (tmp_path / "a.safetensors").write_bytes(blob)
        (tmp_path / "a.json").write_text(json.dumps(data | {"sha256": hashlib.sha256(blob).hexdigest()}))
        with pytest.raises(ArtefactError):
            load(tmp_path / "a")


def test_a_place_that_cannot_be_written_is_a_clear_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(HeadhuntError, match="next: check that the folder exists"):
        save(scorer_of("logistic"), tmp_path / "missing" / "a")
    (tmp_path / "b.safetensors").mkdir()
    with pytest.raises(HeadhuntError, match="cannot be written"):
        save(scorer_of("logistic"), tmp_path / "b")
    assert [file.name for file in tmp_path.iterdir()] == ["b.safetensors"]


def test_a_full_disk_is_a_clear_error_and_keeps_the_old_scorer(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="limits on file size are a POSIX matter")
    save(scorer_of("logistic"), tmp_path / "a")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    scorer = scorer_of("mlp")
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))  # a write beyond it fails as on a full disk
    try:
        with pytest.raises(HeadhuntError, match="has room"):
            save(scorer, tmp_path / "a")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert load(tmp_path / "a").method == "logistic"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_scorer_says_what_it_was_fitted_on_as_a_record(learnt: Path) -> None:
    store = Store(learnt)
    scorer = of(store.artefact("scorers"))
    fitted_on = FittedOn.of(scorer)
    assert fitted_on.fingerprint == store.fingerprint
    assert (fitted_on.prompt.id, fitted_on.saliency, fitted_on.head_set) == ("coarse", "rss", "rss")
    assert (fitted_on.rows, fitted_on.unit, len(fitted_on.videos)) == (60, "segment", 10)
    assert fitted_on.to_json() == dict(scorer.facts)


FILES = Path(__file__).parents[1] / "data" / "first_edition"
STEER = json.loads((FILES / "steer.json").read_text())
BLOB = (FILES / "steer.safetensors").read_bytes()
HEADER_END = 8 + int.from_bytes(BLOB[:8], "little")


def pair(folder: Path, data: dict[str, object], blob: bytes) -> Path:
    """Both files, the digest right: nothing but the content is wrong."""
    (folder / "a.safetensors").write_bytes(blob)
    (folder / "a.json").write_text(json.dumps(data | {"sha256": hashlib.sha256(blob).hexdigest()}))
    return folder / "a"


@pytest.mark.parametrize(
    "change",
    [
        {"heads": [[1.9, 0], [0, 3], [5, 0]]},
        {"heads": [[True, 0], [0, 3], [5, 0]]},
        {"heads": [["2", 1], [0, 3], [5, 0]]},
        {"heads": [[10**400, 1], [0, 3], [5, 0]]},
        {"head_dim": True},
        {"head_dim": 10**400},
        {"hidden": False},
        {"method": ["logistic"]},
        {"method": {"logistic": 1}},
        {"facts": None},
        {"sha256": None},
        {"version": True},
    ],
    ids=lambda change: str(change)[:40],
)
def test_a_scorer_is_strict_in_its_types(tmp_path: Path, change: dict[str, object]) -> None:
    save(scorer_of("logistic"), tmp_path / "a")
    data = json.loads((tmp_path / "a.json").read_text())
    (tmp_path / "a.json").write_text(json.dumps(data | change))
    with pytest.raises(ArtefactError, match=r"a\.json"):
        load(tmp_path / "a")


def test_keys_of_a_later_version_are_passed_over(tmp_path: Path) -> None:
    save(scorer_of("logistic"), tmp_path / "a")
    data = json.loads((tmp_path / "a.json").read_text())
    data["facts"]["later"] = {"x": [1, None]}
    (tmp_path / "a.json").write_text(json.dumps(data | {"later": 1}))
    assert load(tmp_path / "a").facts["later"] == {"x": [1, None]}


@pytest.mark.parametrize("key", ["prompt", "fingerprint"])
def test_facts_that_do_not_say_what_was_read_are_refused_where_they_are_needed(tmp_path: Path, key: str) -> None:
    wrong = {"prompt": {"id": 1, "text": "x"}, "fingerprint": {"heads": [[0.5, 1]]}}
    for value in (None, 1, [], wrong[key]):
        scorer = load(pair(tmp_path, STEER | {"facts": STEER["facts"] | {key: value}}, BLOB))
        with pytest.raises(ArtefactError):
            FittedOn.of(scorer)


@drawn()
@given(text=mutated(STEER))
def test_any_json_is_a_scorer_or_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "a.safetensors").write_bytes(BLOB)
    (tmp_path / "a.json").write_bytes(text)
    try:
        scorer = load(tmp_path / "a")
        fitted_on = FittedOn.of(scorer)
    except ArtefactError:
        return
    assert all(type(index) is int for head in scorer.heads for index in (head.layer, head.head))
    assert (type(scorer.head_dim), type(fitted_on.rows)) == (int, int)
    save(scorer, tmp_path / "b")
    assert load(tmp_path / "b").facts == scorer.facts


def test_the_header_of_the_arrays_is_read_strictly(tmp_path: Path) -> None:
    header = BLOB[8:HEADER_END].rstrip()
    twice = header[:-1] + b", " + header[1:]
    for one in (twice, b"[" * 5000, b"{}", b""):
        with pytest.raises(ArtefactError, match=r"a scorer|next: fit again"):
            load(pair(tmp_path, STEER, struct.pack("<Q", len(one)) + one + BLOB[HEADER_END:]))
    for blob in (struct.pack("<Q", 1 << 63), bytes(7)):
        with pytest.raises(ArtefactError, match="next: fit again"):
            load(pair(tmp_path, STEER, blob))


TYPES = ("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2", "I64", "U8", "BOOL", "C64", "X", "", None)
HEADER = mutated(json.loads(BLOB[8:HEADER_END]))


@drawn()
@given(header=HEADER, kind=st.sampled_from(TYPES), lie=st.integers(-9, 9), noise=st.binary(max_size=64))
def test_any_arrays_are_a_scorers_or_refused(
    tmp_path: Path, header: bytes, kind: str | None, lie: int, noise: bytes
) -> None:
    """Lengths, types, shapes and places that are not true; numbers that are none."""
    header = header.replace(b'"F32"', json.dumps(kind).encode(), 1) if lie % 2 else header
    length = max(0, len(header) + (lie if abs(lie) > 5 else 0))
    body = noise + BLOB[HEADER_END + len(noise) :]
    try:
        scorer = load(pair(tmp_path, STEER, struct.pack("<Q", length) + header + body))
    except ArtefactError:
        return
    assert all(np.isfinite(array).all() and array.dtype.kind == "f" for array in scorer.arrays.values())
