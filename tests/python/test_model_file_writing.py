"""Writing model files: whole or not at all, whoever is killed, fails or writes beside."""

from __future__ import annotations

import multiprocessing
import os
import random
import stat
import threading
import time

import numpy as np
import pytest
from stored_curve import Curve

import tenure as tn
from tenure import _model_file
from tenure._errors import InvalidInputError

NIGHT = os.environ.get("TENURE_TESTS") == "nightly"


def save_for_ever(path, ready):
    models = [Curve(np.full(100_000, float(i))) for i in range(2)]
    ready.set()
    while True:
        for model in models:
            _model_file.write(path, model)


def test_kill_while_saving_leaves_the_old_or_the_new_file(tmp_path):
    path = tmp_path / "m.tenure"
    _model_file.write(path, Curve(np.full(100_000, 0.0)))
    rng = random.Random(7)
    seen = set()
    context = multiprocessing.get_context("fork")
    for _ in range(200 if NIGHT else 10):
        ready = context.Event()
        writer = context.Process(target=save_for_ever, args=(path, ready), daemon=True)
        writer.start()
        ready.wait(10)
        time.sleep(rng.uniform(0.0, 0.05))
        writer.kill()
        writer.join()
        value = tn.load(path).value
        assert value.shape == (100_000,)
        assert (value == value[0]).all()
        seen.add(value[0])
    assert seen <= {0.0, 1.0}


def test_what_killed_writers_left_is_swept(tmp_path):
    path = tmp_path / "m[1].tenure"
    for name in (".m[1].tenure.abc.part", ".m[1].tenure.new.part", ".other.tenure.abc.part"):
        (tmp_path / name).write_bytes(b"half a model")
    hours_ago = time.time() - 7200.0
    os.utime(tmp_path / ".m[1].tenure.abc.part", (hours_ago, hours_ago))
    os.utime(tmp_path / ".other.tenure.abc.part", (hours_ago, hours_ago))
    _model_file.write(path, Curve(1))
    left = [".m[1].tenure.new.part", ".other.tenure.abc.part", "m[1].tenure"]
    assert sorted(os.listdir(tmp_path)) == left


def test_a_failed_save_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "m.tenure"
    _model_file.write(path, Curve(1))

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        _model_file.write(path, Curve(2))
    monkeypatch.undo()
    assert tn.load(path).value == 1
    assert os.listdir(tmp_path) == ["m.tenure"]


def test_a_model_that_cannot_be_stored_touches_no_file(tmp_path):
    path = tmp_path / "m.tenure"
    with pytest.raises(TypeError, match="cannot be saved"):
        _model_file.write(path, Curve(object()))
    assert os.listdir(tmp_path) == []


def test_concurrent_saves_give_one_whole_file(tmp_path):
    path = tmp_path / "m.tenure"
    models = [Curve(np.full(10_000, float(i))) for i in range(8)]
    threads = [
        threading.Thread(target=lambda m=m: [_model_file.write(path, m) for _ in range(5)])
        for m in models
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    value = tn.load(path).value
    assert (value == value[0]).all()
    assert os.listdir(tmp_path) == ["m.tenure"]


def test_rights_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        _model_file.write(tmp_path / "m.tenure", Curve(1))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "m.tenure").stat().st_mode) == 0o640


def test_a_link_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "real.tenure").write_bytes(b"old")
    (tmp_path / "link.tenure").symlink_to("real.tenure")
    _model_file.write(tmp_path / "link.tenure", Curve(1))
    assert (tmp_path / "link.tenure").is_symlink()
    assert tn.load(tmp_path / "real.tenure").value == 1


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_only_files_are_replaced(make, tmp_path):
    make(tmp_path / "m.tenure")
    with pytest.raises(InvalidInputError, match="not a file that can be replaced"):
        _model_file.write(tmp_path / "m.tenure", Curve(1))
    assert os.listdir(tmp_path) == ["m.tenure"]


def test_a_missing_folder_is_told_by_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        _model_file.write(tmp_path / "no" / "m.tenure", Curve(1))
