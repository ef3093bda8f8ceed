"""Downloads, from a server on this machine."""

import os
import signal
import subprocess
import sys
import time
from hashlib import sha256

import pytest
from full_disk import full_disk
from http_folder import serve

from metaling_sk.datasets._data_home import make_once
from metaling_sk.datasets._remote_files import Download, Repository

FILES = {f"data/{name}.csv": f"text,label\n{name},1\n".encode() * 50 for name in "abc"}
REPOSITORY = """
from metaling_sk.datasets._remote_files import Download, Repository
repository = Repository("letters", "someone/letters", "0123456789abcdef")
vars(repository)["digests"] = {digests}
"""


@pytest.fixture
def repository():
    repository = Repository("letters", "someone/letters", "0123456789abcdef")
    vars(repository)["digests"] = {path: sha256(FILES[path]).hexdigest() for path in FILES}
    return repository


def download(folder, **parameters):
    return Download(folder, **{"delay": 0.0, "verbose": 0, **parameters})


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def start(folder, mirror, repository):
    """Read all files in another process."""
    script = (
        REPOSITORY.format(digests=repository.digests)
        + f"Download({str(folder)!r}, {mirror!r}).read(repository, {list(FILES)})"
    )
    return subprocess.Popen([sys.executable, "-c", script])


def test_files_are_downloaded_once(tmp_path, repository):
    with serve(FILES) as (mirror, requests):
        first = download(tmp_path, mirror=mirror).read(repository, FILES)
        again = download(tmp_path, mirror=mirror).read(repository, FILES)
    assert first == again == list(FILES.values())
    assert len(requests) == len(FILES)
    assert names(tmp_path) == [f"letters-0123456789ab/{path}" for path in sorted(FILES)]
    offline = download(tmp_path, download_if_missing=False)
    assert offline.read(repository, FILES) == first


@pytest.mark.parametrize("fault", ["unavailable", "dropped", "truncated", "changed"])
def test_what_fails_twice_is_tried_a_third_time(tmp_path, repository, fault):
    with serve(FILES, [fault, fault]) as (mirror, requests):
        contents = download(tmp_path, mirror=mirror).read(repository, ["data/a.csv"])
    assert contents == [FILES["data/a.csv"]]
    assert len(requests) == 3


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("unavailable", "503"),
        ("dropped", "closed connection"),
        ("truncated", "IncompleteRead"),
        ("changed", "SHA-256"),
    ],
)
def test_what_fails_for_good_names_the_file_and_leaves_nothing(tmp_path, repository, fault, reason):
    with (
        serve(FILES, [fault] * 9) as (mirror, requests),
        pytest.raises(OSError, match=rf"data/b.csv could not be downloaded: .*{reason}.*`mirror`"),
    ):
        download(tmp_path, mirror=mirror, n_retries=1).read(repository, ["data/b.csv"])
    assert len(requests) == 2
    assert names(tmp_path) == []


def test_without_internet_a_sentence_says_what_to_do(tmp_path, repository):
    with serve(FILES) as (mirror, _):
        pass
    with pytest.raises(OSError, match="Without internet pass `mirror`, a folder with the files of"):
        download(tmp_path, mirror=mirror, n_retries=0).read(repository, FILES)


def test_files_must_be_there_where_nothing_may_be_downloaded(tmp_path, repository):
    with pytest.raises(OSError, match=r"a\.csv' is missing, and `download_if_missing` is False"):
        download(tmp_path, download_if_missing=False).read(repository, FILES)


def test_a_damaged_file_is_downloaded_again(tmp_path, repository):
    file = tmp_path / "letters-0123456789ab" / "data" / "a.csv"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"half")
    with pytest.raises(OSError, match=r"a\.csv' has other content than expected"):
        download(tmp_path, download_if_missing=False).read(repository, ["data/a.csv"])
    with serve(FILES) as (mirror, _):
        contents = download(tmp_path, mirror=mirror).read(repository, ["data/a.csv"])
    assert contents == [FILES["data/a.csv"]] == [file.read_bytes()]


def test_a_folder_is_read_in_place_and_checked(tmp_path, repository):
    copy, data_home = tmp_path / "copy", tmp_path / "home"
    (copy / "data").mkdir(parents=True)
    for path, content in FILES.items():
        (copy / path).write_bytes(content)
    assert download(data_home, mirror=copy).read(repository, FILES) == list(FILES.values())
    assert not data_home.exists()
    (copy / "data/b.csv").write_bytes(b"text,label\n")
    with pytest.raises(OSError, match=r"`mirror`: .*b\.csv' differs from the file of github\.com"):
        download(data_home, mirror=copy).read(repository, FILES)
    (copy / "data/b.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"`mirror`: .*b\.csv' is missing"):
        download(data_home, mirror=str(copy)).read(repository, FILES)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a signal that nothing can catch")
def test_a_kill_leaves_no_half_file(tmp_path, repository):
    with serve(FILES, ["", "slow", "slow"]) as (mirror, requests):
        process = start(tmp_path, mirror, repository)
        # A file that is being written has another name, which begins with a dot.
        while not list(tmp_path.rglob("[!.]*.csv")) or len(requests) < 3:
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
        process.wait()
        assert len(names(tmp_path)) == 1
        contents = download(tmp_path, mirror=mirror).read(repository, FILES)
    assert contents == list(FILES.values())
    assert len(requests) == 5


def test_processes_that_download_the_same_files_do_no_harm(tmp_path, repository):
    with serve(FILES) as (mirror, _):
        processes = [start(tmp_path, mirror, repository) for _ in range(2)]
        assert [process.wait() for process in processes] == [0, 0]
    assert len(names(tmp_path)) == len(FILES)
    offline = download(tmp_path, download_if_missing=False)
    assert offline.read(repository, FILES) == list(FILES.values())


def test_a_full_disk(tmp_path, repository):
    with serve(FILES) as (url, _):
        message = r"^`data_home`: '.*/data/a\.csv' cannot be written: .* METALING_SK_DATA\.$"
        with pytest.raises(OSError, match=message), full_disk(100):
            download(tmp_path, mirror=url).read(repository, ["data/a.csv"])
        assert names(tmp_path) == []
        content = download(tmp_path, mirror=url).read(repository, ["data/a.csv"])
    assert content == [FILES["data/a.csv"]]


def test_what_killed_downloads_left_is_removed_after_an_hour(tmp_path, repository):
    folder = tmp_path / "letters-0123456789ab" / "data"
    folder.mkdir(parents=True)
    old, new, other = folder / ".a.csv-1", folder / ".a.csv-2", folder / ".b.csv-3"
    for path in (old, new, other):
        path.touch()
    for path in (old, other):
        os.utime(path, 2 * (time.time() - 2 * 3600,))
    with serve(FILES) as (url, _):
        download(tmp_path, mirror=url).read(repository, ["data/a.csv"])
    assert names(folder) == [new.name, other.name, "a.csv"]


def write_two_files(folder):
    for name in "ab":
        (folder / name).write_bytes(b"x" * 1000)


def test_a_folder_is_made_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "a folder"
    with pytest.raises(OSError, match="^`data_home`: '.*a folder' cannot be"), full_disk(100):
        make_once(folder, write_two_files)
    assert names(tmp_path) == []
    left = tmp_path / ".a folder-x"
    left.mkdir()
    write_two_files(left)
    os.utime(left, 2 * (time.time() - 2 * 3600,))
    make_once(folder, write_two_files)
    assert names(tmp_path) == ["a folder/a", "a folder/b"]


def test_a_file_in_the_place_of_a_folder(tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "folder"):
        with pytest.raises(OSError, match=f"^`data_home`: '{folder}' cannot be written: .* Name"):
            make_once(folder, write_two_files)
