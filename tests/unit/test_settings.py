from pathlib import Path

import pytest

from domain.node import NodeIntent
from settings import BadSetting, Settings, load_settings


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"ASR_{name.upper()}", raising=False)


def test_environment_over_file_over_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "port: 8000\nmodel: sensevoice-small\nnodes: [{url: 'http://a:1', weight: 2}]\n"
    )
    monkeypatch.setenv("ASR_PORT", "9000")
    settings = load_settings()
    assert (settings.port, settings.model, settings.host) == (9000, "sensevoice-small", "127.0.0.1")
    assert settings.nodes == (NodeIntent("http://a:1", weight=2),)
    assert load_settings(port=1).port == 1
    with pytest.raises(Exception, match="frozen"):
        settings.port = 2  # type: ignore[misc]


def test_nodes_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASR_NODES", "http://a:1;weight=3;slots=2, https://b/;backup")
    assert load_settings().nodes == (
        NodeIntent("http://a:1", weight=3, slots=2),
        NodeIntent("https://b", backup=True),
    )


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("ASR_PORT", "99999", ["ASR_PORT", "99999", "65535"]),
        ("ASR_NODES", "a:1", ["ASR_NODES", "http://"]),
        ("ASR_NODES", "http://a;wait=3", ["ASR_NODES", "wait", "weight"]),
        ("ASR_NODES", "http://a;weight=0", ["ASR_NODES", "weight"]),
        ("ASR_MODEL_LOAD", "later", ["ASR_MODEL_LOAD", "later", "start", "demand"]),
    ],
)
def test_a_bad_setting_names_key_value_and_what_would_be_right(
    monkeypatch: pytest.MonkeyPatch, key: str, value: str, words: list[str]
) -> None:
    monkeypatch.setenv(key, value)
    with pytest.raises(BadSetting) as caught:
        load_settings()
    for word in words:
        assert word in str(caught.value)


def test_an_unknown_key_in_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("prot: 8000\n")
    with pytest.raises(BadSetting, match="ASR_PROT"):
        load_settings()


def test_secrets_are_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASR_ADMIN_TOKEN", "hush")
    assert "hush" not in repr(load_settings())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org"])
def test_off_loopback_every_door_needs_a_lock(host: str) -> None:
    with pytest.raises(BadSetting, match="ASR_ALLOW_OPEN"):
        load_settings(host=host).check_doors("serve")
    with pytest.raises(BadSetting, match="ASR_NODE_TOKEN"):
        load_settings(host=host, allow_open=True).check_doors("node")
    load_settings(host=host, allow_open=True).check_doors("serve")
    load_settings(host=host, node_token="x").check_doors("node")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_loopback_needs_none(host: str) -> None:
    load_settings(host=host).check_doors("serve")
    load_settings(host=host).check_doors("node")


def test_the_documentation_lists_every_setting() -> None:
    text = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        assert f"`ASR_{name.upper()}`" in text
        assert field.description and field.description in text
