from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lpack.errors import LpackError
from lpack.store import CACHE_SIGNATURE, CACHE_TAG, Store, Usage, damaged, is_partial, replacing, sha256_of

DATA = b"some content"
DIGEST = hashlib.sha256(DATA).digest()
DAY = 86_400


@pytest.fixture
def store(store_folder: Path) -> Store:
    return Store(store_folder)


def kept(store: Store, name: str = "a.whl", data: bytes = DATA, kind: str = "wheels") -> Path:
    with store.temporary_folder() as folder:
        (folder / name).write_bytes(data)
        return store.keep(kind, hashlib.sha256(data).digest(), name, folder / name)


def aged(path: Path, days: float) -> Path:
    then = time.time() - days * DAY
    os.utime(path, (then, then))
    return path


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


# Files


def test_a_file_is_found_under_its_digest_and_name(store: Store) -> None:
    assert store.find("wheels", DIGEST, "a.whl") is None
    path = kept(store)
    assert path == store.path("wheels", DIGEST, "a.whl")
    assert store.find("wheels", DIGEST, "a.whl") == path
    assert path.read_bytes() == DATA
    assert store.find("wheels", DIGEST, "b.whl") is None
    assert store.find("wheels", bytes(32), "a.whl") is None
    assert store.find("packed", DIGEST, "a.whl") is None


def test_a_file_is_written_and_read(store: Store) -> None:
    with store.reading("packed", DIGEST, "a") as file:
        assert file is None
    with store.writing("packed", DIGEST, "a") as file:
        file.write(DATA)
        assert store.find("packed", DIGEST, "a") is None
    with store.reading("packed", DIGEST, "a") as file:
        assert file
        assert file.read() == DATA
    assert file.closed


def test_a_file_that_was_not_finished_is_not_there(store: Store) -> None:
    with pytest.raises(TypeError), store.writing("packed", DIGEST, "a") as file:
        file.writelines([DATA, None])  # type: ignore[list-item]
    assert files_in(store.folder) == set()


def test_a_discarded_file_is_gone(store: Store) -> None:
    path = kept(store)
    store.discard(path)
    store.discard(path)
    assert store.find("wheels", DIGEST, "a.whl") is None


def test_being_asked_for_counts_as_use_to_the_day(store: Store) -> None:
    path = aged(kept(store), 3)
    store.find("wheels", DIGEST, "a.whl")
    assert time.time() - path.stat().st_mtime < DAY / 2
    today = aged(path, 0.5).stat().st_mtime
    store.find("wheels", DIGEST, "a.whl")
    assert path.stat().st_mtime == today


@pytest.mark.parametrize("data", [b"", DATA[:-1], DATA.upper(), DATA + b"x"])
def test_other_bytes_are_damage(store: Store, data: bytes) -> None:
    path = kept(store)
    assert not damaged(path, DIGEST)
    path.write_bytes(data)
    assert damaged(path, DIGEST)
    path.write_bytes(DATA)
    assert not damaged(path, DIGEST)


def test_what_is_not_there_is_damaged(store: Store) -> None:
    assert damaged(store.folder / "absent", DIGEST)
    assert damaged(kept(store) / "below a file", DIGEST)


def test_what_can_not_be_read_is_said(store: Store, tmp_path: Path) -> None:
    del store
    with pytest.raises(LpackError, match=f"{tmp_path.name}` can't be read: Is a directory"):
        damaged(tmp_path, DIGEST)


def test_the_sha256_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(3_000_000))
    assert sha256_of(tmp_path / "a") == hashlib.sha256(bytes(3_000_000)).digest()


# Notes


@pytest.mark.parametrize("value", [{"a": [1, "é", None, True]}, [], "text", 0, False])
def test_a_note_is_what_was_noted(store: Store, value: Any) -> None:
    assert store.note("elf", "key") is None
    store.make_note("elf", "key", value)
    assert store.note("elf", "key") == value
    assert store.note("elf", "key2") is None
    assert store.note("wheel", "key") is None
    store.make_note("elf", "key", "another")
    assert store.note("elf", "key") == "another"


def damages(data: bytes) -> Iterator[bytes]:
    yield from (b"", b"{}", data[:-1], data[:64], data[64:], data + b"x", bytes(len(data)))
    for position in range(len(data)):
        yield data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def test_a_damaged_note_is_forgotten_and_can_be_made_again(store: Store) -> None:
    store.make_note("elf", "key", {"a": 1})
    (path,) = (path for path in store.folder.rglob("key") if path.is_file())
    right = path.read_bytes()
    for data in damages(right):
        path.write_bytes(data)
        assert store.note("elf", "key") is None
        assert not path.exists()
        store.make_note("elf", "key", {"a": 1})
        assert path.read_bytes() == right


def test_a_note_that_is_read_counts_as_used(store: Store) -> None:
    store.make_note("elf", "key", 1)
    (path,) = (path for path in store.folder.rglob("key") if path.is_file())
    aged(path, 3)
    store.note("elf", "key")
    assert time.time() - path.stat().st_mtime < DAY


def test_the_store_says_of_itself_that_it_is_a_cache(store: Store) -> None:
    store.make_note("elf", "key", 1)
    assert (store.folder / CACHE_TAG).read_bytes().startswith(CACHE_SIGNATURE)


# Temporary folders


def test_a_temporary_folder_is_gone_afterwards(store: Store) -> None:
    with store.temporary_folder() as one, store.temporary_folder() as other:
        assert one != other
        (one / "deep" / "er").mkdir(parents=True)
        (one / "deep" / "er" / "file").write_bytes(DATA)
        assert one.is_relative_to(store.folder)
    assert not one.exists()
    assert not other.exists()
    with pytest.raises(ZeroDivisionError), store.temporary_folder() as one:
        raise ZeroDivisionError
    assert not one.exists()


def test_what_a_killed_process_left_is_swept_another_day(store: Store) -> None:
    program = """
import sys, time
from pathlib import Path
from lpack.store import Store
with Store(Path(sys.argv[1])).temporary_folder() as folder:
    (folder / "file").write_bytes(b"x")
    print(folder, flush=True)
    time.sleep(600)
"""
    command = [sys.executable, "-c", program, store.folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        leftover = Path(process.stdout.readline().rstrip())
        process.send_signal(signal.SIGKILL)
    with store.temporary_folder():
        assert leftover.exists(), "it could still be somebody's"
        aged(leftover, 2)
    with store.temporary_folder():
        assert not leftover.exists()


# Replacing


def test_a_file_is_replaced_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    for data in (b"one", b"two"):
        with replacing(path) as file:
            file.write(data)
        assert path.read_bytes() == data
    assert files_in(tmp_path) == {"folder/file"}


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, OSError])
def test_a_file_is_not_replaced_when_the_block_fails(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def pieces() -> Iterator[bytes]:
        yield b"new"
        raise error

    with pytest.raises(error), replacing(path) as file:
        file.writelines(pieces())
    assert path.read_bytes() == b"old"
    assert files_in(tmp_path) == {"file"}


def test_what_does_not_fit_does_not_replace(tmp_path: Path) -> None:
    """The write fails when the file is closed: until then all of it was in the buffer."""
    program = """
import resource, sys
from pathlib import Path
from lpack.store import replacing
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    with replacing(Path(sys.argv[1])) as file:
        file.write(bytes(101))
except OSError as error:
    print(error.strerror)
"""
    (tmp_path / "file").write_bytes(b"old")
    command = [sys.executable, "-c", program, tmp_path / "file"]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    assert process.stdout == "File too large\n"
    assert (tmp_path / "file").read_bytes() == b"old"
    assert files_in(tmp_path) == {"file"}


def test_leftovers_are_swept_when_they_are_old(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    unlike = [
        ".a.zip.partial",
        ".a.zip.xyz.partial",
        "a.zip.0123456789abcdef.partial",
        ".b.zip.0123456789abcdef.partial",
    ]
    ours, recent = ".a.zip.0123456789abcdef.partial", ".a.zip.fedcba9876543210.partial"
    for name in (*unlike, ours, recent):
        aged_by = 0 if name == recent else 2
        (tmp_path / name).write_bytes(b"")
        aged(tmp_path / name, aged_by)
    with replacing(path) as file:
        file.write(DATA)
        assert is_partial(Path(file.name).name)
    assert files_in(tmp_path) == {"a.zip", recent, *unlike}


def test_a_folder_that_can_not_be_listed_is_no_obstacle(tmp_path: Path) -> None:
    program = """
import os
from pathlib import Path
from lpack.store import replacing
if os.geteuid() == 0:
    os.seteuid(65534)  # root may list every folder
with replacing(Path("file")) as file:
    file.write(b"x")
"""
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(0o333)
    subprocess.run([sys.executable, "-c", program], cwd=folder, check=True)
    folder.chmod(0o700)
    assert files_in(folder) == {"file"}


# Clocks go wrong: a computer without a battery starts in 1970, another was in 2038 until somebody looked


IN_A_YEAR = -365


@pytest.mark.parametrize("days", [-0.5, IN_A_YEAR])
def test_what_is_ahead_of_the_clock_is_not_swept(tmp_path: Path, store: Store, days: float) -> None:
    """A file server's clock is never quite ours; and where ours is wrong, another process may be at work there."""
    others = [tmp_path / ".a.zip.0123456789abcdef.partial", store.folder / "tmp" / "other" / "file"]
    for path in others:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(DATA)
        aged(path, days)
    aged(others[1].parent, days)
    with replacing(tmp_path / "a.zip"), store.temporary_folder():
        assert all(path.exists() for path in others)


def test_what_was_used_in_a_time_to_come_is_pruned_in_its_turn(store: Store) -> None:
    path, note = aged(kept(store), IN_A_YEAR), store.folder / "notes" / "elf" / "ke" / "key"
    store.make_note("elf", "key", 1)
    aged(note, IN_A_YEAR)
    assert store.prune(30) == Usage("removed", 0, 0)
    assert abs(time.time() - path.stat().st_mtime) < DAY
    assert abs(time.time() - note.stat().st_mtime) < DAY


def test_using_something_mends_its_time(store: Store) -> None:
    path = aged(kept(store), IN_A_YEAR)
    store.find("wheels", DIGEST, "a.whl")
    assert abs(time.time() - path.stat().st_mtime) < DAY


def test_what_is_being_written_while_the_clock_jumps_stays(store: Store) -> None:
    """Both ways: the next bytes that are written tell the new time."""
    for days in (100, IN_A_YEAR):
        with store.writing("packed", DIGEST, "a") as file:
            aged(Path(file.name), days)
            file.write(DATA)
            file.flush()
            with store.writing("packed", DIGEST, "a") as other:
                other.write(DATA)
            store.clear()
        assert store.find("packed", DIGEST, "a")
        store.clear()


# Side by side


def test_many_threads_write_one_thing(store: Store) -> None:
    def work(number: int) -> None:
        with store.writing("packed", DIGEST, "a") as file:
            file.write(DATA)
        store.make_note("elf", "key", {"number": number, "more": "x" * 10_000})
        note = store.note("elf", "key")
        assert note is None or note["more"] == "x" * 10_000
        assert damaged(store.path("packed", DIGEST, "a"), DIGEST) is False

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(100)))
    assert files_in(store.folder) == {
        str(store.path("packed", DIGEST, "a").relative_to(store.folder)),
        "notes/elf/ke/key",
        CACHE_TAG,
    }


def test_writing_goes_on_while_another_process_clears(store: Store) -> None:
    cleared = threading.Event()

    def clear() -> None:
        while not cleared.is_set():
            store.clear()

    thread = threading.Thread(target=clear)
    thread.start()
    try:
        for number in range(100):
            store.make_note("elf", f"{number}", number)
            kept(store, f"{number}")
            assert store.note("elf", f"{number}") in (None, number)
    finally:
        cleared.set()
        thread.join()


COUNTING = """
import sys, time
from pathlib import Path
from lpack.store import Store
store, counter = Store(Path(sys.argv[1])), Path(sys.argv[2])
for _ in range(20):
    with store.lock("one"):
        value = int(counter.read_text())
        time.sleep(0.001)
        counter.write_text(str(value + 1))
"""


def test_a_lock_is_held_against_other_processes(store: Store, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    command = [sys.executable, "-c", COUNTING, store.folder, counter]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert counter.read_text() == "60"


def test_a_lock_is_held_against_other_threads(store: Store) -> None:
    inside: list[int] = []

    def work(number: int) -> None:
        with store.lock("one"):
            inside.append(number)
            time.sleep(0.001)
            assert inside.pop() == number

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(20)))


def test_locks_of_other_names_are_free(store: Store) -> None:
    with store.lock("one"), store.lock("two"):
        pass


def test_what_fails_under_a_lock_frees_it(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.lock("one"):
        raise ZeroDivisionError
    with store.lock("one"):
        pass


# Housekeeping


def test_usage_counts_files_and_bytes_by_kind(store: Store) -> None:
    assert store.usage() == []
    kept(store, "a", b"12345")
    kept(store, "b", b"1234567")
    kept(store, "c", b"1", kind="packed")
    store.make_note("elf", "key", 1)
    assert store.usage() == [
        Usage("notes", 1, 65),
        Usage("packed", 1, 1),
        Usage("tmp", 0, 0),
        Usage("wheels", 2, 12),
    ]


def test_prune_removes_what_was_not_used_for_long(store: Store) -> None:
    old, recent = aged(kept(store, "old", b"old"), 31), aged(kept(store, "recent", b"recent"), 29)
    assert store.prune(30) == Usage("removed", 1, 3)
    assert not old.exists()
    assert not old.parent.exists()
    assert recent.exists()
    assert store.prune(30) == Usage("removed", 0, 0)


def test_clear_removes_everything(store: Store) -> None:
    kept(store)
    store.make_note("elf", "key", 1)
    assert store.clear() == Usage("removed", 2, len(DATA) + 65)
    assert files_in(store.folder) == {CACHE_TAG}
    assert sorted(path.name for path in store.folder.iterdir()) == [CACHE_TAG, "tmp"]


@pytest.mark.parametrize("remove", [Store.clear, lambda store: store.prune(0.001)])
def test_what_others_are_working_on_stays(store: Store, remove: Callable[[Store], Usage]) -> None:
    with store.lock("one"), store.temporary_folder() as folder, store.writing("packed", DIGEST, "a") as file:
        aged(store.folder / "locks" / "one.lock", 100)
        (folder / "unpacked").write_bytes(DATA)
        aged(folder / "unpacked", 100)
        remove(store)
        assert (folder / "unpacked").exists()
        assert (store.folder / "locks" / "one.lock").exists()
        file.write(DATA)
    assert store.find("packed", DIGEST, "a")


def test_what_nobody_works_on_any_more_goes(store: Store) -> None:
    leftover = store.folder / "tmp" / "left"
    partial = store.path("packed", DIGEST, ".a.0123456789abcdef.partial")
    for path in (leftover / "file", partial):
        path.parent.mkdir(parents=True)
        path.write_bytes(DATA)
        aged(path, 2)
    aged(leftover, 2)
    assert store.prune(1) == Usage("removed", 2, 2 * len(DATA))
    assert files_in(store.folder) == set()


def test_an_absent_store_is_empty(store: Store) -> None:
    assert store.usage() == []
    assert store.prune(0) == store.clear() == Usage("removed", 0, 0)
    assert not store.folder.exists()


# What can go wrong


def uses(store: Store) -> Iterator[Callable[[], Any]]:
    yield lambda: kept(store)
    yield lambda: store.make_note("elf", "key", 1)
    yield lambda: store.temporary_folder().__enter__()
    yield lambda: store.lock("one").__enter__()
    yield lambda: store.writing("packed", DIGEST, "a").__enter__()


def test_a_folder_that_can_not_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = Store(tmp_path / "file" / "store")
    for use in uses(store):
        with pytest.raises(LpackError, match=f"the store `{store.folder}` can't be written: ") as caught:
            use()
        assert caught.value.hint == "set LPACK_CACHE_DIR to a folder that you can write to"
    assert store.find("wheels", DIGEST, "a") is None
    assert store.note("elf", "key") is None
    with store.reading("wheels", DIGEST, "a") as file:
        assert file is None


def test_a_store_that_can_not_be_read_is_said(tmp_path: Path) -> None:
    store = Store(tmp_path / "loop")
    (tmp_path / "loop").symlink_to("loop")
    reads: list[Callable[[], Any]] = [
        lambda: store.find("wheels", DIGEST, "a"),
        lambda: store.reading("wheels", DIGEST, "a").__enter__(),
        lambda: store.note("elf", "key"),
        store.usage,
        store.clear,
    ]
    for read in reads:
        with pytest.raises(LpackError, match=f"the store `{store.folder}` can't be read: Too many levels"):
            read()


FULL = """
import errno, resource, sys
from pathlib import Path
from lpack.errors import LpackError
from lpack.store import Store
store = Store(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
def write():
    with store.writing("packed", bytes(32), "a") as file:
        file.write(bytes(200))
for use in (write, lambda: store.make_note("elf", "key", "x" * 200)):
    try:
        use()
    except LpackError as error:
        print(error)
"""


def test_a_file_that_does_not_fit_is_said_and_leaves_nothing(store: Store) -> None:
    command = [sys.executable, "-c", FULL, store.folder]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    assert process.stdout == f"the store `{store.folder}` can't be written: File too large\n" * 2
    assert files_in(store.folder) == set()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said(store: Store, code: int) -> None:
    with (
        pytest.raises(LpackError, match="the disk that holds the store is full") as caught,
        store.writing("packed", DIGEST, "a"),
    ):
        raise OSError(code, os.strerror(code))
    assert "lpack cache prune" in str(caught.value.hint)
    assert files_in(store.folder) == set()
