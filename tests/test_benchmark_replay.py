"""What the replays judge on: nothing of it may be in the pool, and an empty half is refused."""

import csv

import numpy as np
import pytest

from benchmarks import replay


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """Four classes of ten pictures, two of each of five cameras; the embedding of one is its place and its camera."""
    paths = [f"class-{n % 4}/{n:02}.jpg" for n in range(40)]
    cameras = [f"camera-{n // 4 % 5}" for n in range(40)]
    vectors = np.array([(n, n // 4 % 5) for n in range(40)], np.float32)
    monkeypatch.setattr(replay, "embedded", lambda directory, spec: (vectors, paths))

    def grouped(groups):
        with (tmp_path / "groups.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("file", "group"), *zip(paths, groups, strict=True)])
        return tmp_path

    grouped.cameras = cameras
    return grouped


def test_whole_groups_are_judged_on_where_none_is_called_test(pictures):
    directory = pictures(pictures.cameras)
    splits = [replay.split(directory, seed) for seed in range(10)]
    for each in splits:
        assert not set(each.X[:, 1]) & set(each.X_test[:, 1])
        assert len(each.X_test) == 16, "two of five cameras"
    assert len({tuple(each.X_test[:, 0]) for each in splits}) > 1


def test_the_group_called_test_is_judged_on(pictures):
    directory = pictures(["test" if camera == "camera-3" else camera for camera in pictures.cameras])
    assert set(replay.split(directory, 0).X_test[:, 1]) == {3.0}


def test_a_class_that_the_pool_lacks_is_judged_on_nowhere(pictures):
    directory = pictures(["test" if n % 4 == 1 or n < 4 else "pool" for n in range(40)])
    split = replay.split(directory, 0)
    assert split.X_test[:, 0].tolist() == [0, 2, 3]
    assert split.y_test.tolist() == [0, 1, 2]
    assert sorted(set(split.y)) == [0, 1, 2]


def test_an_empty_half_is_refused_in_one_line(pictures):
    with pytest.raises(SystemExit, match="is not split: 40 of 40 files would be judged on"):
        replay.split(pictures(["test"] * 40), 0)
    with pytest.raises(SystemExit, match="is not split: 0 of 40"):
        replay.split(pictures(["one camera"] * 40), 0)


def test_a_long_tail_goes_from_a_hundred_down_to_one(pictures, monkeypatch):
    y = np.repeat(np.arange(5), 150)
    tails = [np.bincount(y[replay.long_tail(y, np.random.default_rng(seed))]) for seed in range(8)]
    assert all(sorted(each) == [1, 3, 10, 32, 100] for each in tails)
    assert len({tuple(each) for each in tails}) > 1, "which class is rare is drawn"


def test_labels_are_counted_to_the_examples_of_rare_classes():
    # Class 0 has eight samples, 1 five, 2 two and 3 one; the only one of 3 was never asked for.
    played = replay.Played(asked=np.array([0, 1, 0, 2, 1, 1, 0, 1, 2, 1]), sizes=np.array([8, 5, 2, 1]))
    assert played.labels_to(1).tolist() == [1, 2, 4, 16]
    assert played.labels_to_all() == 16
    assert played.labels_to_rare(1) == 16
    assert played.labels_to_rare(2) == 9, "3 has no two samples: 2 is the rarest that has"
    assert played.labels_to_rare(5) == 10
    assert [played.classes_at(n) for n in (1, 2, 4, 10)] == [1, 2, 3, 3]


def test_more_labels_than_the_pool_has_are_refused(pictures):
    directory = pictures(pictures.cameras)
    with pytest.raises(SystemExit, match="30 labels are asked for, and the pool has 24"):
        replay.play(directory, "plain+random", 0, 30, 5)
