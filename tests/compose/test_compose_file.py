"""What compose.yaml promises, read from the file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from launcher import names
from services.roles.table import ROLES
from services.settings import Settings, variables

from adapter.settings import load_settings
from tests.compose.compose_file import (
    DOCUMENT,
    FOLDER,
    SERVICES,
    TEXT,
    VARIABLE,
    filled,
    published,
)
from tests.support import machine

ENGINES = ("llm-cpu", "llm-gpu", "llm-hpu")
FETCHERS = ("fetch-cpu", "fetch-gpu", "fetch-hpu")
ONE_SHOTS = (*FETCHERS, "vision-preload", "phase1-preload", "calibrate-hpu")
LASTING = sorted(SERVICES.keys() - {*ONE_SHOTS})
ROLE_SERVICES = {f"rag-{role}": role for role in ROLES}
OF_DOCUMENTS = ("rag", *ROLE_SERVICES)
DOCUMENTS_NETWORK = DOCUMENT["networks"]["documents"]
DOOR = DOCUMENT["networks"]["door"]
HOWTO = machine.ROOT / "docs" / "howto"
VARIABLES_IN = ("run-the-engine-image", "bring-weights")
STACK = "run-the-stack"
EXAMPLE = (FOLDER / ".env.example").read_text()


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_is_hardened(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    assert service["user"].partition(":")[0] not in ("", "0", "root")
    assert any(mount.startswith("/tmp:") for mount in service["tmpfs"])
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert "stop_grace_period" in service
    assert {*service.get("cap_add", ())} <= {"SYS_NICE"}
    assert "privileged" not in service


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_has_limits(name: str) -> None:
    service = SERVICES[name]
    assert name == "calibrate-hpu" or "mem_limit" in service
    assert name == "calibrate-hpu" or "pids_limit" in service


@pytest.mark.parametrize("name", LASTING)
def test_what_lasts_comes_back_after_a_reboot_and_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert "disable" not in SERVICES[name]["healthcheck"]


@pytest.mark.parametrize("name", ONE_SHOTS)
def test_one_shots_do_not_run_for_ever(name: str) -> None:
    assert SERVICES[name]["restart"] in ("on-failure:5", "no")
    assert SERVICES[name]["healthcheck"] == {"disable": True}


@pytest.mark.parametrize("name", [*ENGINES, "calibrate-hpu"])
def test_engines_are_on_the_internal_network_only(name: str) -> None:
    assert {*SERVICES[name]["networks"]} == {"backend"}
    assert DOCUMENT["networks"]["backend"] == {"internal": True}
    assert "ports" not in SERVICES[name]


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_is_called_llm(name: str) -> None:
    assert SERVICES[name]["networks"]["backend"]["aliases"] == ["llm"]
    assert "vllm" not in SERVICES, "its variables would be taken for vLLM's own"


@pytest.mark.parametrize("name", FETCHERS)
def test_fetching_has_a_way_out_and_the_secrets(name: str) -> None:
    assert SERVICES[name]["networks"] == ["edge"]
    assert SERVICES[name]["secrets"] == [
        *("hf_token", "s3_access_key_id", "s3_secret_access_key", "s3_session_token")
    ]
    assert SERVICES[name]["environment"].keys() >= {"http_proxy", "https_proxy", "no_proxy"}


def test_secrets_are_files_and_go_to_nobody_else() -> None:
    for name, secret in DOCUMENT["secrets"].items():
        assert secret == {"file": f"./secrets/{name}"}
    holders = {name for name, service in SERVICES.items() if service.get("secrets")}
    assert holders == {*FETCHERS, "grafana", "rag-db", "rag-dataprep", "rag-retriever"}


def test_the_adapter_waits_for_nobody() -> None:
    assert "depends_on" not in SERVICES["adapter"]


@pytest.mark.parametrize("device", ["cpu", "gpu", "hpu"])
def test_an_engine_waits_for_its_weights(device: str) -> None:
    needs = {f"fetch-{device}": {"condition": "service_completed_successfully"}}
    assert SERVICES[f"llm-{device}"]["depends_on"] == needs
    assert SERVICES[f"llm-{device}"]["environment"]["FETCH"] == "no"


def test_slow_engines_are_given_time() -> None:
    periods = {name: filled(SERVICES[name]["healthcheck"]["start_period"]) for name in ENGINES}
    assert periods == {"llm-cpu": "30m", "llm-gpu": "30m", "llm-hpu": "60m"}


def test_gaudi_gets_what_it_needs() -> None:
    service = SERVICES["llm-hpu"]
    assert service["runtime"] == "habana"
    assert service["environment"].keys() >= {
        *("HABANA_VISIBLE_DEVICES", "OMPI_MCA_btl_vader_single_copy_mechanism"),
        *("PT_HPU_ENABLE_LAZY_COLLECTIVES", "VLLM_SKIP_WARMUP", "QUANT_CONFIG"),
    }
    assert SERVICES["calibrate-hpu"]["profiles"] == ["calibrate"]


def test_gpus_are_reserved() -> None:
    (devices,) = SERVICES["llm-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices == {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}


def test_ports_are_on_this_machine_only() -> None:
    assert {row[0] for rows in published().values() for row in rows} == {"127.0.0.1"}


def test_ports_clash_only_where_one_takes_the_others_place() -> None:
    outer = {name: [port for _, port, _ in rows] for name, rows in published().items()}
    assert outer == {
        "adapter": [11434],
        "phase1": [11434],
        "vision": [11435],
        "rag": [8888, 6007],
        "rag-chatqna": [8888],
        "rag-dataprep": [6007],
        "prometheus": [9090],
        "grafana": [3001],
    }


def test_the_page_of_ports_tells_them_all() -> None:
    page = (machine.ROOT / "docs" / "reference" / "ports.md").read_text()
    told = re.findall(r"^\| `([\w-]+)` \| (\d+|-) \| (\d+) \|", page, re.MULTILINE)
    ours = {
        (name, str(outer), str(inner))
        for name, rows in published().items()
        for _, outer, inner in rows
    }
    assert ours <= {*told}
    assert ("llm", "-", "8000") in told


def test_every_variable_is_in_the_example() -> None:
    images = {"PGVECTOR_IMAGE", "PROMETHEUS_IMAGE", "GRAFANA_IMAGE"}
    wanted = {name for name, _ in VARIABLE.findall(TEXT)} - images
    told = {*re.findall(r"^#?(\w+)=", EXAMPLE, re.MULTILINE)}
    assert wanted - told == set()
    assert told - wanted == set()


def test_the_examples_defaults_are_the_real_ones() -> None:
    real: dict[str, set[str]] = {}
    for name, default in VARIABLE.findall(TEXT):
        real.setdefault(name, set()).add(default)
    shown = dict(re.findall(r"^#(\w+)=(.*)$", EXAMPLE, re.MULTILINE))
    other = {k: v for k, v in shown.items() if v and v.strip('"') not in real[k]}
    assert other == {}


def test_the_examples_choices_are_a_model_for_each_phase() -> None:
    chosen = dict(re.findall(r"^(\w+)=(.*)$", EXAMPLE, re.MULTILINE))
    assert chosen == {"MODEL": "Qwen/Qwen2.5-0.5B-Instruct", "PHASE1_MODELS": "llama3.2:3b"}
    assert f"${{MODEL:-{chosen['MODEL']}}}" in TEXT


def test_every_variable_of_the_launcher_is_handed_on_or_left_out_with_a_reason() -> None:
    pages = {name: (HOWTO / f"{name}.md").read_text() for name in (*VARIABLES_IN, STACK)}
    told = {name for page in VARIABLES_IN for name in _variables(pages[page])}
    handed = {key for service in SERVICES.values() for key in service.get("environment", {})}
    handed |= {key.removesuffix("_FILE") for key in handed}
    left_out = {*_variables(pages[STACK])}
    fixed = {"HF_TOKEN", "FETCH"}  # told as left out, since .env is not asked for them
    assert told - handed - left_out == set()
    assert left_out & handed <= fixed


def _variables(page: str) -> list[str]:
    """Names in the first column of its tables of variables."""
    tables = re.findall(r"^\| variable \|.*\n\|---.*\n((?:\|.*\n)+)", page, re.MULTILINE)
    firsts = [row.split("|")[1] for table in tables for row in table.splitlines()]
    return [name for first in firsts for name in re.findall(r"`([A-Z][A-Z0-9_]+)", first)]


def test_answers_in_flight_have_most_of_the_time_to_stop() -> None:
    service = SERVICES["adapter"]
    assert filled(service["environment"]["ADAPTER_GRACE"]) == "100"
    assert service["stop_grace_period"] == "120s"


def test_images_of_ours_are_never_looked_for_in_a_registry() -> None:
    ours = {name for name, one in SERVICES.items() if one["image"].startswith("ollama-vllm/")}
    never = {name for name, one in SERVICES.items() if one.get("pull_policy") == "never"}
    assert ours == never == SERVICES.keys() - {"rag-db", "prometheus", "grafana"}


def test_the_adapters_settings_are_read_with_and_without_the_fallback_that_they_show(
    tmp_path: Path,
) -> None:
    text = (FOLDER / "adapter.toml").read_text()
    shown = re.sub(r"^#(?=\S)", "", text, flags=re.MULTILINE)
    for content, fallbacks in ((text, []), (shown, ["phase1/qwen2.5:0.5b"])):
        file = tmp_path / "adapter.toml"
        file.write_text(content)
        settings = load_settings(file=str(file), environ={})
        assert [one.fallback for one in settings.models.values()] == fallbacks
        default = SERVICES["llm-cpu"]["environment"]["MODEL"]
        assert {*settings.models} <= {names.ollama_name(filled(default))}


HANDED_OTHERWISE = {
    "RAG_HOST": "the image listens everywhere in its container",
    "RAG_PUBLISHED": "it is BIND",
    "CHATQNA_PORT": "of the host, as all of them: inside they are as they always are",
    "DATAPREP_PORT": "",
    "EMBEDDING_PORT": "",
    "TEI_EMBEDDING_PORT": "",
    "RETRIEVER_PORT": "",
    "RERANKER_PORT": "",
    "LLM_PORT": "",
    "ADAPTER_URL": "the stack is built on it, as on the next ones",
    "LLM_URL": "",
    "EMBEDDING_URL": "",
    "RERANKER_URL": "",
    "RETRIEVER_URL": "",
    "DATAPREP_URL": "",
    "EMBEDDING_KIND": "the adapter speaks OpenAI's API",
    "RERANK_KIND": "",
    "CHATQNA_MODEL": "adapter.rag.toml names the model",
    "ADAPTER_API_KEY": "the adapter has no keys yet",
    "STORE_URL": "a file on a volume, or the database of rag-split",
}


@pytest.mark.parametrize("name", sorted({*variables().values()} - HANDED_OTHERWISE.keys()))
def test_every_setting_of_the_services_is_handed_on(name: str) -> None:
    for service in OF_DOCUMENTS:
        assert re.match(rf"\$\{{{name}:?-", SERVICES[service]["environment"][name])


@pytest.mark.parametrize("name", OF_DOCUMENTS)
def test_the_services_get_no_setting_that_they_do_not_have(name: str) -> None:
    assert SERVICES[name]["environment"].keys() - {*variables().values()} <= {"HEALTH_PORT"}


def test_a_role_alone_is_asked_for_its_health_where_it_listens() -> None:
    for service, name in ROLE_SERVICES.items():
        port = Settings.model_fields[ROLES[name].ports[0]].default
        assert SERVICES[service]["environment"]["HEALTH_PORT"] == str(port)
        assert SERVICES[service]["command"] == [name]


def test_roles_ask_each_other_where_they_listen() -> None:
    for service in ROLE_SERVICES:
        for setting, url in SERVICES[service]["environment"].items():
            if found := re.fullmatch(r"http://rag-(\w+):(\d+)", url):
                assert setting == f"{found[1].upper()}_URL"
                assert found[1] != ROLE_SERVICES[service]
                assert int(found[2]) == Settings.model_fields[f"{found[1]}_port"].default


@pytest.mark.parametrize("name", [*OF_DOCUMENTS, "rag-db"])
def test_documents_have_no_way_out_unless_one_is_given(name: str) -> None:
    """And no way to engines but the adapter's."""
    networks = {filled(network) for network in SERVICES[name]["networks"]}
    assert networks <= {"documents", "door"}
    assert ("door" in networks) is bool(published().get(name))
    assert DOCUMENTS_NETWORK == {"internal": True}
    assert DOOR == {"driver_opts": {"com.docker.network.bridge.enable_ip_masquerade": "false"}}


def test_only_what_takes_documents_in_can_be_given_a_way_out() -> None:
    able = {name for name, one in SERVICES.items() if "${RAG_NETWORK:-door}" in one["networks"]}
    assert able == {"rag", "rag-dataprep"}


def test_on_the_network_of_documents_are_the_adapter_and_who_looks_at_them() -> None:
    there = {name for name, one in SERVICES.items() if "documents" in one["networks"]}
    assert there == {*OF_DOCUMENTS, "rag-db", "adapter", "phase1", "prometheus"}


def test_documents_wait_for_their_database_and_for_nothing_else() -> None:
    waiting = {name: SERVICES[name].get("depends_on") for name in (*OF_DOCUMENTS, "rag-db")}
    needs = {"rag-db": {"condition": "service_healthy"}}
    holders = ("rag-dataprep", "rag-retriever")
    assert waiting == {name: needs if name in holders else None for name in waiting}


def test_the_adapter_knows_the_pipeline_where_there_is_one() -> None:
    files = {one.name: load_settings(file=str(one), environ={}) for one in FOLDER.glob("*.toml")}
    assert files.keys() == {"adapter.toml", "adapter.llm.toml", "adapter.rag.toml"}
    with_, without = files["adapter.rag.toml"], files["adapter.toml"]
    assert with_.upstreams[:-1] == without.upstreams
    assert with_.routing == without.routing
    assert (with_.upstreams[-1].kind, with_.models["chatqna"].upstream) == ("openai", "chatqna")
    assert with_.upstreams[-1].url == "http://rag:8888"
    assert "rag" in SERVICES
    assert SERVICES["rag-chatqna"]["networks"]["documents"] == {"aliases": ["rag"]}
    told = Settings.model_fields["model_name"].default
    assert [*with_.models] == [told]


def test_every_folder_that_is_mounted_is_there() -> None:
    for service in SERVICES.values():
        for mount in service.get("volumes", ()):
            source = filled(mount.partition(":/")[0])
            if source.startswith("."):
                assert (FOLDER / source).exists(), source
            else:
                assert source in DOCUMENT["volumes"]
