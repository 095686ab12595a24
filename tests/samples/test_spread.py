"""The order of import: every first part of it is a fair picture of folders and time."""

from hypothesis import given, settings
from hypothesis import strategies as st

from labeller.samples.scanning import Found, spread


def files(sizes):
    return [Found(f"{folder:02}/{number:05}.jpg", 1, 1) for folder, size in enumerate(sizes) for number in range(size)]


sizes = st.lists(st.integers(1, 90), min_size=1, max_size=12)


@given(sizes, st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_nothing_is_lost_and_the_order_does_not_depend_on_how_files_are_found(sizes, random):
    given_files = files(sizes)
    ordered = spread(given_files)
    assert sorted(found.path for found in ordered) == sorted(found.path for found in given_files)
    random.shuffle(given_files)
    assert spread(given_files) == ordered


@given(sizes, st.floats(0, 1))
@settings(max_examples=100, deadline=None)
def test_every_first_part_holds_each_folders_share(sizes, share):
    ordered = spread(files(sizes))
    part = ordered[: round(share * len(ordered))]
    for folder, size in enumerate(sizes):
        taken = sum(found.path.startswith(f"{folder:02}/") for found in part)
        # Each folder is off by less than one place of its own, and the part's end by one place of each.
        assert abs(taken - size * len(part) / len(ordered)) <= 1 + size * len(sizes) / len(ordered)


@given(st.integers(16, 2000))
@settings(max_examples=50, deadline=None)
def test_what_is_taken_of_a_folder_is_spread_over_its_time(size):
    for count in (4, 8, 16):
        times = sorted(int(found.path[3:8]) for found in spread(files([size]))[:count])
        gaps = [later - earlier for earlier, later in zip(times, [*times[1:], size], strict=True)]
        assert max(gaps) <= 4 * size / count and times[0] == 0


def test_the_first_shard_of_many_cameras_shows_each_of_them():
    first = spread(files([300] * 40))[:512]
    per_camera = [sum(found.path.startswith(f"{camera:02}/") for found in first) for camera in range(40)]
    assert min(per_camera) >= 12 and max(per_camera) <= 14
