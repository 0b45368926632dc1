"""The commands as processes, with a stand-in for vLLM on PATH."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from launcher import ports

from tests.support import engine, machine
from tests.vllm_image.launcher.tensors import safetensors

IMAGES = machine.ROOT / "vllm_image"
CONFIG = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "max_position_embeddings": 8192,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_size": 128,
}
HELP = "  --max-model-len MAX_MODEL_LEN\n  --gpu-memory-utilization SHARE\n  --dtype {auto,half}\n"
# Asked by its Python for its version, by name for its options; else it says how it was started.
PYTHON = """\
#!/bin/sh
if [ "$1" = -c ]; then echo '{about}'; else exec {python} "$@"; fi
"""
VLLM = """\
#!{interpreter}
import json, os, sys
if "--help=all" in sys.argv:
    print({help!r})
elif sys.argv[1] == "serve":
    print(json.dumps({{"arguments": sys.argv[1:], "environment": dict(os.environ)}}))
"""
REGISTRY = '_TEXT_GENERATION_MODELS = {"Qwen2ForCausalLM": ("qwen2", "Qwen2ForCausalLM")}\n'


class Image:
    """What is in an engine image: vllm on PATH, a model in a folder, a launcher."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.env = {
            "HOME": str(root),
            "USER": "tester",
            "PATH": f"{root / 'bin'}:/usr/bin:/bin",
            "PYTHONPATH": str(IMAGES),
            "LLM_DEVICE": "cpu",
            "MODEL": str(root / "my-model"),
            "ENGINE_HOST": "127.0.0.1",
            "ENGINE_PORT": str(ports.free_port()),
        }
        about = {"version": "0.32.0+cpu", "vllm": f"{root}/vllm", "transformers": "", "plugins": []}
        self.write("vllm/model_executor/models/registry.py", REGISTRY)
        interpreter = self.write(
            "bin/python3", PYTHON.format(about=json.dumps(about), python=sys.executable)
        )
        self.write("bin/vllm", VLLM.format(interpreter=interpreter, help=HELP))
        self.write("my-model/config.json", json.dumps(CONFIG))
        self.write("my-model/tokenizer.json", "{}")
        self.write("my-model/chat_template.jinja", "{{ x }}")
        (root / "my-model" / "model.safetensors").write_bytes(safetensors(10))

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def run(self, *command: str, user: int | None = None, **env: str) -> CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "launcher", *command],
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            cwd=self.root,
            user=user,
        )


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(tmp_path)


def test_plan_prints_json_and_writes_nothing(image: Image) -> None:
    before = sorted(image.root.rglob("*"))
    done = image.run("plan", HF_TOKEN="hf_secret")
    made = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert (made["device"], made["fatal"]) == ("cpu", [])
    assert made["model"]["served"] == ["my-model:latest"]
    assert "hf_secret" not in done.stdout
    assert sorted(image.root.rglob("*")) == before


def test_plan_tells_settings_that_make_no_sense(image: Image) -> None:
    made = json.loads(image.run("plan", MAX_MODEL_LEN="long").stdout)
    assert made["fatal"] == [{"sentence": "MAX_MODEL_LEN is no number of tokens: long", "code": 78}]


def test_check_is_silent_when_all_is_well(image: Image) -> None:
    done = image.run("check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_serve_becomes_vllm_with_arguments_that_no_shell_reads(image: Image) -> None:
    odd = "$(touch x); `id`"
    done = image.run("serve", SERVED_MODEL_NAME="a b", VLLM_EXTRA_ARGS=f"--dtype '{odd}'")
    assert done.returncode == 0
    started = json.loads(done.stdout)
    arguments = started["arguments"]
    assert arguments[:2] == ["serve", str(image.root / "my-model")]
    assert arguments[arguments.index("--served-model-name") :][1:3] == ["a", "b"]
    assert arguments[-2:] == ["--dtype", odd]
    assert "VLLM_EXTRA_ARGS" not in started["environment"]
    assert "PYTHONPATH" not in started["environment"]
    assert started["environment"]["HF_HUB_OFFLINE"] == "1"


def test_serve_tells_its_plan_and_no_secrets(image: Image) -> None:
    done = image.run("serve", VLLM_API_KEY="s3cret", HF_TOKEN="hf_t")
    plan, _, rest = done.stderr.partition("\nstarting: ")
    assert json.loads(plan)["environment"]["VLLM_API_KEY"] == "***"
    assert rest.startswith(f"{image.root}/bin/vllm serve {image.root}/my-model --host 127.0.0.1")
    assert not {"s3cret", "hf_t"} & {*done.stderr.split('"')}
    started = json.loads(done.stdout)["environment"]
    assert started["VLLM_API_KEY"] == "s3cret"
    assert "HF_TOKEN" not in started


def test_a_home_is_made_for_a_user_without_one(image: Image) -> None:
    env = json.loads(image.run("serve", HOME="/", TMPDIR=str(image.root)).stdout)["environment"]
    assert env["HOME"] == f"{image.root}/engine"
    assert (image.root / "engine").is_dir()


@pytest.mark.parametrize(
    ("env", "code", "sentence"),
    [
        (
            {"VLLM_EXTRA_ARGS": "--cpu-memory-utilization 0.9"},
            78,
            "VLLM_EXTRA_ARGS: vLLM 0.32.0+cpu has no option --cpu-memory-utilization; "
            "did you mean --gpu-memory-utilization?",
        ),
        ({"QUANTIZATION": "fp8"}, 78, "QUANTIZATION asks for fp8, which vLLM doesn't run on a CPU"),
        ({"MAX_MODEL_LEN": "9000"}, 78, "MAX_MODEL_LEN=9000 is more than the model's 8192 tokens"),
        ({"VLLM_CPU_KVCACHE_SPACE": "90000"}, 78, "vLLM with my-model needs 90002.2 GiB"),
        ({"CHAT_TEMPLATE": "/none.jinja"}, 78, "CHAT_TEMPLATE names a file that is not there"),
        ({"MODEL": "/none"}, 78, "MODEL names a folder that is empty or not there: /none"),
        ({"LLM_DEVICE": "hpu"}, 78, "no Gaudi device is in this container"),
        ({"MODEL": "org/m", "FETCH": "no"}, 75, "org/m has not been fetched into /models/org--m"),
        ({"PATH": "/usr/bin:/bin"}, 78, "there is no vllm on PATH"),
    ],
)
@pytest.mark.parametrize("command", ["check", "serve"])
def test_what_cannot_work_is_one_sentence(
    image: Image, command: str, env: dict[str, str], code: int, sentence: str
) -> None:
    done = image.run(command, **env)
    assert (done.returncode, done.stdout) == (code, "")
    errors = [line for line in done.stderr.splitlines() if not line.startswith("warning: ")]
    assert len(errors) == 1
    assert errors[0].startswith(f"error: {sentence}")


@pytest.mark.parametrize("command", ["fetch", "check", "serve"])
def test_a_truncated_shard_is_refused_by_all_in_the_same_words(image: Image, command: str) -> None:
    (image.root / "my-model" / "model.safetensors").write_bytes(safetensors(10)[:-3])
    done = image.run(command)
    assert done.returncode == 78
    assert "/my-model is not a complete model: model.safetensors has " in done.stderr
    assert done.stderr.rstrip().endswith("; copy it again")


@pytest.mark.parametrize("command", ["fetch", "check", "serve"])
def test_a_copy_under_way_is_not_yet(image: Image, command: str) -> None:
    folder = image.root / "my-model"
    (folder / "model.safetensors").rename(folder / "model.safetensors.cc6f2Df5")
    done = image.run(command)
    assert done.returncode == 75
    assert "under way, or broke off: model.safetensors.cc6f2Df5 is the name" in done.stderr


def test_a_model_newer_than_the_image_is_refused(image: Image) -> None:
    new = {**CONFIG, "architectures": ["Qwen9ForCausalLM"]}
    image.write("my-model/config.json", json.dumps(new))
    done = image.run("check")
    assert done.returncode == 78
    assert "vLLM 0.32.0+cpu doesn't know Qwen9ForCausalLM" in done.stderr


def test_without_a_chat_template_it_warns(image: Image) -> None:
    (image.root / "my-model" / "chat_template.jinja").unlink()
    done = image.run("check")
    assert (done.returncode, done.stderr[:9]) == (0, "warning: ")
    assert image.run("check", REQUIRE_CHAT="1").returncode == 78


def test_a_port_that_is_taken_is_refused_with_its_owner(image: Image) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = image.run("check", ENGINE_PORT=str(port))
    assert done.returncode == 78
    assert f"port {port} is taken by process {os.getpid()}" in done.stderr
    assert "choose another one: ENGINE_PORT=" in done.stderr


def test_options_kept_at_build_time_are_not_asked_for_again(image: Image) -> None:
    done = image.run("flags")
    assert done.stdout.splitlines() == [
        *("vllm 0.32.0+cpu", "--dtype", "--gpu-memory-utilization", "--max-model-len")
    ]
    kept = image.write("flags.txt", "vllm 0.32.0+cpu\n--only-this\n")
    env = {"ENGINE_FLAGS": str(kept), "VLLM_EXTRA_ARGS": "--only-this"}
    assert image.run("check", **env).returncode == 0
    assert image.run("check", **{**env, "VLLM_EXTRA_ARGS": "--dtype half"}).returncode == 78


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become another user")
def test_a_volume_of_roots_is_refused_with_the_line_that_mends_it() -> None:
    script = textwrap.dedent(
        """
        import os, sys
        os.setgroups([]); os.setgid(0); os.setuid(10001)
        from launcher.cli import run
        sys.exit(run([sys.argv[1]]))
        """
    )
    # Loaded before the user changes: the interpreter may lie where only root can read.
    loaded = "import launcher.cli, launcher.inside, launcher.fetching, encodings.idna, pwd\n"
    with tempfile.TemporaryDirectory() as root:  # pytest's own folders are closed to others
        image = Image(Path(root))
        volume = image.root / "models"
        volume.mkdir()
        image.root.chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-c", loaded + script, "serve"],
            env={**image.env, "MODEL": "org/m", "MODELS_DIR": str(volume)},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            cwd="/",
        )
    assert done.returncode == 78
    assert done.stderr == (
        f"error: {volume} belongs to 0:0 and 10001:0 can't write there; "
        f"give it away, as root: chown -R 10001:0 {volume}\n"
    )


def test_calibrate_belongs_into_the_image_for_gaudi(image: Image) -> None:
    done = image.run("calibrate", CALIBRATION_DIR=str(image.root / "inc"))
    assert done.returncode == 78
    assert "vllm-gaudi-calibrate: No such file or directory; calibration runs" in done.stderr
    image.write("bin/vllm-gaudi-calibrate", '#!/bin/sh\necho "$@"\n')
    done = image.run("calibrate", CALIBRATION_DIR=str(image.root / "inc"))
    assert done.stdout == f"run {image.root}/my-model -o {image.root}/inc\n"


@pytest.mark.parametrize(
    ("code", "word"), [("132", "SIGILL"), ("137", "memory"), ("139", "crashed"), ("75", "later")]
)
def test_explain(image: Image, code: str, word: str) -> None:
    done = image.run("explain", code)
    assert done.stdout.startswith(f"exit code {code}: ")
    assert word in done.stdout


def test_health_says_that_it_is_loading(image: Image) -> None:
    done = image.run("health")
    assert (done.returncode, done.stdout) == (1, "loading: the engine doesn't answer yet\n")


@pytest.mark.vllm
def test_the_real_vllm_is_started_and_answers(tmp_path: Path) -> None:
    image = Image(tmp_path)
    folder = Path(machine.vllm()[-1]).parent
    env = {
        **image.env,
        "PATH": f"{folder}:/usr/bin:/bin",
        "MODEL": str(engine.model_folder("tiny-chat")),
        "SERVED_MODEL_NAME": "tiny:1b",
    }
    command = [sys.executable, "-m", "launcher"]
    log = (tmp_path / "log").open("wb")
    with log, subprocess.Popen([*command, "serve"], env=env, stdout=log, stderr=log) as started:
        try:
            for _ in range(150):
                asked = subprocess.run([*command, "health"], env=env, check=False, timeout=30)
                if asked.returncode == 0:
                    break
                assert started.poll() is None, (tmp_path / "log").read_text()[-2000:]
                subprocess.run(["sleep", "1"], check=True)
            assert asked.returncode == 0
            again = subprocess.run([*command, "check"], env=env, capture_output=True, check=False)
            assert again.returncode == 78
            assert b"is taken by process" in again.stderr
        finally:
            started.terminate()
    assert started.returncode is not None
