"""`launcher fetch` from a hub on loopback, with everything that goes wrong on the way."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from launcher import fetching, gathering, progress, ready, room, transfer
from launcher import partial as partial_folder
from launcher.errors import CannotRun, LauncherError, TryAgain

from tests.vllm_image.launcher import fake_hub
from tests.vllm_image.launcher.fake_hub import COMMIT, GATED, OPEN, Hub
from tests.vllm_image.launcher.tensors import safetensors

NOBODY = "http://127.0.0.1:9"  # the discard port: refused at once
IMAGES = Path(fetching.__file__).parent.parent
TOKEN = "hf_WayTooSecret"
PIECE = 1 << 20
AS_WE_ARE = "import sys; from launcher import cli; sys.exit(cli.run(['fetch']))"
# Everything is imported before, for that user may not read where this Python lies.
AS_NOBODY = f"""
import os, sys
from launcher import cli, fetching
os.setgid(65534)
os.setuid(65534)
{AS_WE_ARE}
"""
NEEDED = {"config.json", "tokenizer.json", "model.safetensors"}
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "DELAYS", (0.01, 0.02, 0.03))
    monkeypatch.setattr(transfer, "PIECE", PIECE)
    monkeypatch.setattr(transfer, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(gathering, "LOOKS_APART", 0.01)
    monkeypatch.setattr(fetching, "LOOKS_APART", 0.01)
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(autouse=True)
def said(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stream = io.StringIO()
    monkeypatch.setattr(fetching, "Progress", lambda: progress.Progress(stream))
    return stream


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def url(hub: Hub) -> Iterator[str]:
    with fake_hub.running(hub) as address:
        yield address


def given(folder: Path, url: str, **environ: str) -> dict[str, str]:
    base = {"MODEL": OPEN, "MODELS_DIR": str(folder / "models"), "HF_ENDPOINT": url}
    return {"HOME": str(folder), **base, **environ}


def final(folder: Path) -> Path:
    return folder / "models" / OPEN.replace("/", "--")


def partial(folder: Path) -> Path:
    return folder / "models" / (OPEN.replace("/", "--") + ".partial")


def fault(kind: type[LauncherError], environ: dict[str, str]) -> str:
    with pytest.raises(kind) as raised:
        fetching.run(environ)
    assert raised.value.text.count("\n") == 0
    return raised.value.text


def test_a_model_arrives_whole_and_without_its_other_forms(
    tmp_path: Path, url: str, hub: Hub, said: io.StringIO
) -> None:
    environ = given(tmp_path, url)
    assert fetching.run(environ) == 0
    folder = ready.folder_of(environ)
    assert folder == final(tmp_path)
    assert ready.ready(folder)
    assert {path.name for path in folder.iterdir()} == NEEDED | {".ready.json"}
    for name in NEEDED:
        assert (folder / name).read_bytes() == hub.files[name]
    note = json.loads((folder / ".ready.json").read_text())
    sizes = {name: len(hub.files[name]) for name in NEEDED}
    assert note == {"source": OPEN, "revision": COMMIT, "files": sizes}
    assert not partial(tmp_path).exists()
    assert said.getvalue().splitlines()[-1] == f"ready: {folder}"


def test_what_arrives_belongs_to_the_group_as_well(tmp_path: Path, url: str) -> None:
    mask = os.umask(0o022)
    try:
        fetching.run(given(tmp_path, url))
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(mask)
    modes = {path.stat().st_mode & 0o777 for path in final(tmp_path).iterdir()}
    assert (final(tmp_path).stat().st_mode & 0o777, modes) == (0o775, {0o664})


def test_files_are_read_at_the_commit_that_was_listed(tmp_path: Path, url: str, hub: Hub) -> None:
    fetching.run(given(tmp_path, url))
    files = [path for path in hub.paths() if "/resolve/" in path]
    assert files
    assert all(f"/resolve/{COMMIT}/" in path for path in files)


def test_a_revision_has_a_folder_of_its_own(tmp_path: Path, url: str, hub: Hub) -> None:
    environ = given(tmp_path, url, MODEL_REVISION="refs/pr/1")
    fetching.run(environ)
    assert ready.folder_of(environ).name == "org--tiny-0.1B-Instruct@refs--pr--1"
    assert hub.paths()[0] == f"/api/models/{OPEN}/revision/refs%2Fpr%2F1?blobs=true"


def test_a_model_that_is_there_is_asked_about_nowhere(tmp_path: Path, url: str, hub: Hub) -> None:
    fetching.run(given(tmp_path, url))
    hub.asked.clear()
    assert fetching.run(given(tmp_path, url)) == 0
    assert fetching.run(given(tmp_path, NOBODY)) == 0
    assert hub.asked == []


def test_a_large_file_comes_in_pieces_at_the_same_time(tmp_path: Path, url: str, hub: Hub) -> None:
    hub.slow = 0.005
    fetching.run(given(tmp_path, url, FETCH_PARALLEL="3"))
    ranges = sorted(headers["range"] for headers in hub.sent("model.safetensors"))
    size = len(hub.files["model.safetensors"])
    assert ranges == sorted(
        f"bytes={at}-{min(at + PIECE, size) - 1}" for at in range(0, size, PIECE)
    )


def test_a_connection_that_is_cut_is_taken_up_where_it_broke(
    tmp_path: Path, url: str, hub: Hub
) -> None:
    hub.files = {**hub.files, "model.safetensors": safetensors(PIECE // 2)}
    tag = fake_hub.etag(hub.files["model.safetensors"])
    hub.cuts = [10**6, 10**6, 100_000, 200_000]  # the two small files first
    fetching.run(given(tmp_path, url, FETCH_PARALLEL="1"))
    asked = hub.sent("model.safetensors")
    last = len(hub.files["model.safetensors"]) - 1
    assert [headers.get("range") for headers in asked] == [
        None,
        f"bytes=100000-{last}",
        f"bytes=300000-{last}",
    ]
    assert [headers.get("if-range") for headers in asked] == [None, f'"{tag}"', f'"{tag}"']
    assert (final(tmp_path) / "model.safetensors").read_bytes() == hub.files["model.safetensors"]


def test_what_is_given_up_is_gone_on_with_by_the_next_start(
    tmp_path: Path, url: str, hub: Hub
) -> None:
    hub.cuts = [10**6, 10**6, 500_000] + [0] * 30
    text = fault(TryAgain, given(tmp_path, url, FETCH_PARALLEL="1"))
    assert "does not deliver" in text
    assert "the next start goes on from here" in text
    assert not final(tmp_path).exists()
    assert not ready.ready(final(tmp_path))
    hub.cuts.clear()
    hub.asked.clear()
    fetching.run(given(tmp_path, url))
    assert not hub.sent("config.json")
    ranges = [headers["range"] for headers in hub.sent("model.safetensors")]
    assert f"bytes=500000-{PIECE - 1}" in ranges
    assert (final(tmp_path) / "model.safetensors").read_bytes() == hub.files["model.safetensors"]


def test_a_file_that_changed_meanwhile_starts_anew(tmp_path: Path, url: str, hub: Hub) -> None:
    hub.cuts = [10**6, 10**6, 500_000] + [0] * 30
    fault(TryAgain, given(tmp_path, url, FETCH_PARALLEL="1"))
    hub.cuts.clear()
    hub.asked.clear()
    hub.commit = "f" * 40
    hub.files["model.safetensors"] = safetensors(3_000_000, b"x")
    fetching.run(given(tmp_path, url, FETCH_PARALLEL="1"))
    assert hub.sent("model.safetensors")[0]["range"] == f"bytes=0-{PIECE - 1}"
    assert (final(tmp_path) / "model.safetensors").read_bytes() == hub.files["model.safetensors"]
    assert not hub.sent("config.json")


def test_another_etag_in_the_middle_starts_the_file_anew(
    tmp_path: Path, url: str, hub: Hub
) -> None:
    hub.cuts = [10**6, 10**6, 500_000] + [0] * 30
    fault(TryAgain, given(tmp_path, url, FETCH_PARALLEL="1"))
    hub.cuts.clear()
    hub.asked.clear()
    hub.etag = "other"  # the storage behind the hub has it written anew
    fetching.run(given(tmp_path, url, FETCH_PARALLEL="1"))
    first, second = hub.sent("model.safetensors")
    assert first["range"].startswith("bytes=500000-")
    assert "range" not in second
    assert (final(tmp_path) / "model.safetensors").read_bytes() == hub.files["model.safetensors"]


def test_a_server_without_ranges_is_read_in_one_go(tmp_path: Path, url: str, hub: Hub) -> None:
    hub.ranges = False
    fetching.run(given(tmp_path, url))
    assert (final(tmp_path) / "model.safetensors").read_bytes() == hub.files["model.safetensors"]


def test_a_mirror_that_lists_no_sizes_is_asked_for_each(tmp_path: Path, url: str, hub: Hub) -> None:
    hub.sizes = False
    fetching.run(given(tmp_path, url))
    assert ("HEAD", f"/{OPEN}/resolve/{COMMIT}/config.json") in [one[:2] for one in hub.asked]
    assert ready.ready(final(tmp_path))


def test_a_busy_hub_is_asked_again(tmp_path: Path, url: str, hub: Hub) -> None:
    hub.busy = 2
    assert fetching.run(given(tmp_path, url)) == 0


def test_a_hub_that_stays_busy_may_answer_later(tmp_path: Path, url: str, hub: Hub) -> None:
    hub.busy = 100
    assert "(it answers 503)" in fault(TryAgain, given(tmp_path, url))


def test_a_hub_that_is_down_may_answer_later(tmp_path: Path) -> None:
    assert "(connection refused)" in fault(TryAgain, given(tmp_path, NOBODY))


def test_a_gated_model_tells_the_way_in_and_an_open_model(tmp_path: Path, url: str) -> None:
    text = fault(CannotRun, given(tmp_path, url, MODEL=GATED))
    for part in (f"{url}/{GATED}", "licence", "HF_TOKEN", "MODEL=Qwen/"):
        assert part in text
    assert "make serve" not in text


def test_a_gated_model_with_a_token_that_is_not_approved(
    tmp_path: Path, url: str, hub: Hub
) -> None:
    hub.token = TOKEN
    text = fault(CannotRun, given(tmp_path, url, MODEL=GATED, HF_TOKEN=TOKEN))
    assert f"ask for access on {url}/{GATED}" in text
    assert TOKEN not in text


def test_a_wrong_token(tmp_path: Path, url: str, hub: Hub) -> None:
    hub.token = TOKEN
    text = fault(CannotRun, given(tmp_path, url, HUGGINGFACEHUB_API_TOKEN="hf_WrongOne"))
    assert "does not accept HF_TOKEN" in text
    assert "hf_WrongOne" not in text


def test_an_unknown_model_and_revision(tmp_path: Path, url: str) -> None:
    assert "no model org/nothing" in fault(CannotRun, given(tmp_path, url, MODEL="org/nothing"))
    text = fault(CannotRun, given(tmp_path, url, MODEL_REVISION="no-such"))
    assert "has no revision no-such" in text


def test_offline_means_the_hub_is_not_asked(tmp_path: Path, url: str, hub: Hub) -> None:
    text = fault(CannotRun, given(tmp_path, url, HF_HUB_OFFLINE="1"))
    assert text.startswith("HF_HUB_OFFLINE is set")
    assert hub.asked == []


def test_the_token_goes_to_the_hub_and_not_to_its_storage(
    tmp_path: Path, url: str, hub: Hub, said: io.StringIO
) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    hub.token = TOKEN
    behind = Hub()
    with fake_hub.running(behind) as hub.storage:
        fetching.run(given(tmp_path, url, HF_TOKEN_FILE=str(tmp_path / "token")))
    assert all(headers["authorization"] == f"Bearer {TOKEN}" for _, _, headers in hub.asked)
    assert len(behind.asked) >= len(NEEDED)
    assert not [headers for _, _, headers in behind.asked if "authorization" in headers]
    assert any("range" in headers for _, _, headers in behind.asked)
    assert TOKEN not in said.getvalue()


def test_an_address_with_a_signature_is_not_shown(tmp_path: Path, url: str, hub: Hub) -> None:
    hub.storage = NOBODY
    assert "Signature" not in fault(TryAgain, given(tmp_path, url))


def test_files_that_arrive_damaged_are_not_taken(
    tmp_path: Path, url: str, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = fake_hub.Handler.row
    monkeypatch.setattr(
        fake_hub.Handler,
        "row",
        lambda self, name, data: honest(self, name, data) | {"lfs": {"sha256": "0" * 64}},
    )
    assert "arrives damaged" in fault(TryAgain, given(tmp_path, url))
    assert not final(tmp_path).exists()


def test_a_truncated_shard_does_not_pass_the_gate(tmp_path: Path, url: str, hub: Hub) -> None:
    hub.files["model.safetensors"] = hub.files["model.safetensors"][:-10]
    text = fault(CannotRun, given(tmp_path, url))
    size = len(fake_hub.FILES["model.safetensors"])
    assert f"model.safetensors has {size - 10} bytes, its header wants {size}" in text
    assert partial(tmp_path).exists()
    assert not final(tmp_path).exists()


def test_a_missing_shard_is_told_before_the_others_come(tmp_path: Path, url: str, hub: Hub) -> None:
    del hub.files["model.safetensors"]
    hub.files["first.safetensors"] = safetensors(10)
    index = {"weight_map": {"a": "first.safetensors", "b": "second.safetensors"}}
    hub.files["model.safetensors.index.json"] = json.dumps(index).encode()
    text = fault(CannotRun, given(tmp_path, url))
    assert "it lacks second.safetensors, which model.safetensors.index.json names" in text
    assert not hub.sent("first.safetensors")


def test_a_list_without_weights_is_told_before_anything_comes(
    tmp_path: Path, url: str, hub: Hub
) -> None:
    hub.files = {"config.json": b"{}", "model.gguf": b"x"}
    assert "it lacks a tokenizer file" in fault(CannotRun, given(tmp_path, url))
    assert not hub.sent("config.json")


def test_a_model_that_lost_a_file_gets_that_one_again(tmp_path: Path, url: str, hub: Hub) -> None:
    fetching.run(given(tmp_path, url))
    (final(tmp_path) / "tokenizer.json").unlink()
    assert not ready.ready(final(tmp_path))
    hub.asked.clear()
    fetching.run(given(tmp_path, url))
    assert ready.ready(final(tmp_path))
    assert [path.rpartition("/")[2] for path in hub.paths() if "/resolve/" in path] == [
        "tokenizer.json"
    ]


def test_a_model_that_lost_a_file_is_left_as_it_is_while_the_hub_is_away(
    tmp_path: Path, url: str, hub: Hub
) -> None:
    fetching.run(given(tmp_path, url))
    (final(tmp_path) / "tokenizer.json").unlink()
    fault(TryAgain, given(tmp_path, NOBODY))
    hub.asked.clear()
    fetching.run(given(tmp_path, url))
    assert not hub.sent("model.safetensors")


def test_a_folder_that_somebody_else_left_incomplete_is_not_touched(
    tmp_path: Path, url: str
) -> None:
    final(tmp_path).mkdir(parents=True)
    (final(tmp_path) / "notes").write_text("mine")
    assert "was not fetched: move it away" in fault(CannotRun, given(tmp_path, url))
    assert (final(tmp_path) / "notes").read_text() == "mine"


def test_a_disk_that_is_too_small(
    tmp_path: Path, url: str, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room.hardware, "free_disk", lambda _: 2_000_000)
    text = fault(CannotRun, given(tmp_path, url))
    assert f"{OPEN}: 3.2 MB needed, 2.0 MB free at {tmp_path / 'models'}" in text
    assert not hub.sent("config.json")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.ENOSPC, "ran full while org/tiny-0.1B-Instruct came"),
        (errno.EROFS, "is mounted read-only"),
        (errno.EACCES, "as root: chown -R"),
    ],
)
def test_what_the_disk_refuses_in_the_middle(
    tmp_path: Path, url: str, number: int, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(partial_folder.os, "pwrite", refuse)
        assert text in fault(CannotRun, given(tmp_path, url))
    assert fetching.run(given(tmp_path, url)) == 0


def test_a_limit_that_is_too_small(tmp_path: Path, url: str) -> None:
    text = fault(CannotRun, given(tmp_path, url, EPHEMERAL_LIMIT="2Mi"))
    assert "larger than EPHEMERAL_LIMIT: 3.2 MB needed, 2.1 MB allowed" in text


@pytest.mark.parametrize(
    ("name", "value"),
    [("EPHEMERAL_LIMIT", "lots"), ("FETCH_PARALLEL", "0"), ("FETCH_PARALLEL", "x")],
)
def test_settings_that_are_no_numbers(tmp_path: Path, name: str, value: str) -> None:
    assert name in fault(CannotRun, given(tmp_path, NOBODY, **{name: value}))


def test_a_second_fetcher_waits_and_finds_the_model(
    tmp_path: Path, url: str, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "LOCK_EVERY", 0.02)
    hub.slow = 0.01
    codes: list[int] = []
    both = [
        threading.Thread(target=lambda: codes.append(fetching.run(given(tmp_path, url))))
        for _ in range(2)
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(20)
    assert codes == [0, 0]
    assert len(hub.sent("config.json")) == 1


def test_sigterm_leaves_what_the_next_start_goes_on_with(
    tmp_path: Path, url: str, hub: Hub
) -> None:
    hub.slow = 0.1
    with command(given(tmp_path, url, FETCH_PARALLEL="1")) as process:
        while not hub.sent("model.safetensors"):
            time.sleep(0.02)
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 143
    assert f"what has come is kept in {partial(tmp_path)}" in errors
    assert not final(tmp_path).exists()
    hub.slow = 0.0
    hub.asked.clear()
    fetching.run(given(tmp_path, url))
    begins = [headers["range"] for headers in hub.sent("model.safetensors")]
    assert "bytes=0-" not in " ".join(begins)
    assert (final(tmp_path) / "model.safetensors").read_bytes() == hub.files["model.safetensors"]


def test_a_fetcher_killed_hard_has_noted_what_came(tmp_path: Path, url: str, hub: Hub) -> None:
    hub.slow = 0.2
    with command(given(tmp_path, url, FETCH_PARALLEL="1")) as process:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and noted(partial(tmp_path)) < 100_000:
            time.sleep(0.05)
        process.kill()
        process.communicate()
    assert noted(partial(tmp_path)) >= 100_000
    hub.slow = 0.0
    hub.asked.clear()
    fetching.run(given(tmp_path, url))
    assert "bytes=0-" not in hub.sent("model.safetensors")[0]["range"]
    assert (final(tmp_path) / "model.safetensors").read_bytes() == hub.files["model.safetensors"]


def test_progress_is_plain_lines(
    tmp_path: Path, url: str, hub: Hub, said: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "EVERY", 0.05)
    hub.slow = 0.02
    fetching.run(given(tmp_path, url))
    lines = said.getvalue().splitlines()
    assert lines[0] == f"fetching {OPEN} from {url.removeprefix('http://')} ..."
    assert any(" of 3 MB, " in line and line.endswith(" s left") for line in lines)
    assert "\r" not in said.getvalue()


def test_a_volume_of_roots_tells_the_line_that_gives_it_away(tmp_path: Path, url: str) -> None:
    """As root the command goes on under another number, else the folder is closed to us."""
    root = os.geteuid() == 0
    us = (65534, 65534) if root else (os.getuid(), os.getgid())
    with tempfile.TemporaryDirectory() as name:
        volume = Path(name) / "models"
        volume.mkdir(mode=0o755 if root else 0o555)
        Path(name).chmod(0o755)
        environ = given(tmp_path, url, MODELS_DIR=str(volume))
        with command(environ, AS_NOBODY if root else AS_WE_ARE) as process:
            _, errors = process.communicate(timeout=20)
    assert process.returncode == 78
    assert errors.endswith(f"chown -R {us[0]}:{us[1]} {volume}\n")
    assert errors.count("\n") == 1


def test_a_mounted_folder_is_served_in_place_and_nothing_is_written(tmp_path: Path) -> None:
    folder = mounted(tmp_path)
    environ = {"MODEL": str(folder)}
    assert fetching.run(environ) == 0
    assert ready.folder_of(environ) == folder
    assert {path.name for path in folder.iterdir()} == NEEDED


def test_a_hub_that_lists_nonsense_is_told_at_once(tmp_path: Path, url: str, hub: Hub) -> None:
    hub.size = -1
    assert "does not answer as a hub does" in fault(TryAgain, given(tmp_path, url))
    assert len(hub.asked) == 1


def test_a_file_that_is_a_folder_too_is_told_at_once(tmp_path: Path, url: str, hub: Hub) -> None:
    hub.files["config.json/x"] = b"x"
    text = fault(CannotRun, given(tmp_path, url))
    assert "has a file config.json and files below config.json/" in text
    assert not hub.sent("model.safetensors")


def test_a_mounted_folder_that_is_not_there(tmp_path: Path) -> None:
    text = fault(CannotRun, {"MODEL": str(tmp_path / "no")})
    assert text.endswith("is it mounted?")


def test_a_mounted_folder_that_is_not_whole(tmp_path: Path) -> None:
    folder = mounted(tmp_path)
    (folder / "tokenizer.json").unlink()
    text = fault(CannotRun, {"MODEL_NAME": str(folder)})
    assert "is not a complete model: it lacks a tokenizer file" in text


@pytest.mark.parametrize("name", ["model-2.safetensors.cc6f2Df5", "config.json"])
def test_a_mounted_folder_that_is_being_filled_may_be_whole_later(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = mounted(tmp_path)
    monkeypatch.setattr(fetching.time, "sleep", lambda _: (folder / name).write_text('{"a": 1}'))
    assert "still being filled" in fault(TryAgain, {"MODEL": str(folder)})


def test_a_copy_that_has_not_ended_may_do_so_later(tmp_path: Path) -> None:
    folder = mounted(tmp_path)
    (folder / "model.safetensors").rename(folder / "model.safetensors.cc6f2Df5")
    assert "a copy into" in fault(TryAgain, {"MODEL": str(folder)})


def test_a_proxy_is_used_and_no_proxy_is_heard(
    tmp_path: Path, url: str, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fake_hub.running(Hub(busy=1000)) as proxy:
        monkeypatch.setenv("http_proxy", proxy)
        fault(TryAgain, given(tmp_path, url))
        assert hub.asked == []
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert fetching.run(given(tmp_path, url)) == 0


def mounted(folder: Path) -> Path:
    made = folder / "llama"
    made.mkdir()
    for name in NEEDED:
        (made / name).write_bytes(fake_hub.FILES[name])
    return made


def command(environ: dict[str, str], script: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script or AS_WE_ARE],
        env={"PYTHONPATH": str(IMAGES), **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def noted(folder: Path) -> int:
    """Bytes of the weights that a later start would not ask for."""
    try:
        files = json.loads((folder / ".fetch.json").read_text())["files"]
    except (OSError, ValueError):
        return 0
    return sum(files.get("model.safetensors", {}).get("done", {}).values())
