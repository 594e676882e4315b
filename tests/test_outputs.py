import errno

import pytest

from cropxai.errors import OutputExists, OutputUnwritable
from cropxai.outputs import check_absent, replacing


def test_a_file_appears_whole(tmp_path):
    with replacing(tmp_path / "a.txt") as part:
        part.write_text("whole")
        assert not (tmp_path / "a.txt").exists()
    assert (tmp_path / "a.txt").read_text() == "whole"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_failure_leaves_nothing_and_keeps_the_old(tmp_path):
    target = tmp_path / "a"
    target.mkdir()
    (target / "old").touch()
    with pytest.raises(KeyboardInterrupt), replacing(target, overwrite=True) as part:
        part.mkdir()
        raise KeyboardInterrupt
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert (target / "old").exists()


def test_a_folder_replaces_a_folder(tmp_path):
    target = tmp_path / "a"
    target.mkdir()
    (target / "old").touch()
    with replacing(target, overwrite=True) as part:
        part.mkdir()
        (part / "new").touch()
    assert [p.name for p in target.iterdir()] == ["new"]


def test_a_folder_whose_successor_never_came_is_kept(tmp_path):
    target = tmp_path / "a"
    target.mkdir()
    (target / "old").touch()
    with pytest.raises(OutputUnwritable), replacing(target, overwrite=True):
        pass  # nothing was written
    assert [p.name for p in target.iterdir()] == ["old"]
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_an_output_that_exists_is_refused(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(OutputExists, match=r"a: exists already.*--overwrite"):
        check_absent(tmp_path / "a")


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(OutputUnwritable, match="folder does not exist"):
        check_absent(tmp_path / "none" / "a")


def test_a_full_disk_is_one_clear_error(tmp_path):
    with pytest.raises(OutputUnwritable, match="no space left"), replacing(tmp_path / "a") as part:
        part.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_home_and_working_folder_are_never_replaced(tmp_path, monkeypatch):
    home, work = tmp_path / "users" / "me", tmp_path / "work"
    for folder in (home, work / "now"):
        folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.chdir(work / "now")
    for folder in (home, home.parent, work, ".", ".."):
        with pytest.raises(OutputUnwritable, match="holds your home or working folder"):
            check_absent(folder, overwrite=True)
    assert check_absent(home / "model", overwrite=True) == home / "model"
