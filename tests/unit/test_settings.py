import os
from pathlib import Path

import pytest

import settings
from domain.audio_address import S3Address
from domain.node import NodeIntent
from settings import BadSetting, Settings, child_environment, load_settings


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr(settings, "CONFIG_FILE", tmp_path / "config.yaml")
    monkeypatch.delenv("ASR_CONFIG", raising=False)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"ASR_{name.upper()}", raising=False)


def test_environment_over_file_over_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "port: 8000\nmodel: sensevoice-small\nnodes: [{url: 'http://a:1', weight: 2}]\n"
    )
    monkeypatch.setenv("ASR_PORT", "9000")
    found = load_settings()
    assert (found.port, found.model, found.host) == (9000, "sensevoice-small", "127.0.0.1")
    assert found.nodes == (NodeIntent("http://a:1", weight=2),)
    assert load_settings(port=1).port == 1
    with pytest.raises(Exception, match="frozen"):
        found.port = 2  # type: ignore[misc]


def test_the_file_and_the_data_lie_beside_the_program_wherever_it_is_started() -> None:
    root = Path(__file__).resolve().parents[2]
    assert load_settings().data_dir == root / "data"
    assert root / "config.yaml" == settings.PROJECT / "config.yaml"


def test_folders_in_the_file_count_from_the_file_and_folders_in_the_environment_from_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").write_text("data_dir: kept\naudio_store: /recordings\n")
    assert load_settings().data_dir == tmp_path / "kept"
    assert load_settings().audio_place == Path("/recordings")
    monkeypatch.setenv("ASR_DATA_DIR", "here")
    assert load_settings().data_dir.absolute() == tmp_path / "elsewhere" / "here"


def test_another_file_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("port: 8000\n")
    (tmp_path / "other.yaml").write_text("port: 8001\n")
    monkeypatch.setenv("ASR_CONFIG", "../other.yaml")
    assert load_settings().port == 8001
    monkeypatch.setenv("ASR_CONFIG", os.devnull)
    assert load_settings().port == 7860
    monkeypatch.setenv("ASR_CONFIG", "missing.yaml")
    with pytest.raises(BadSetting, match=r"ASR_CONFIG.*missing\.yaml"):
        load_settings()


@pytest.mark.parametrize("content", ["port: [", "- port", "port: \x00"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.yaml").write_text(content)
    with pytest.raises(BadSetting, match=r"config\.yaml"):
        load_settings()


def test_nodes_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASR_NODES", "http://a:1;weight=3;slots=2, https://b/;backup")
    assert load_settings().nodes == (
        NodeIntent("http://a:1", weight=3, slots=2),
        NodeIntent("https://b", backup=True),
    )


@pytest.mark.parametrize("value", ["0", "false", "no", "off"])
def test_a_backup_that_is_denied_is_none(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("ASR_NODES", f"http://a:1;backup={value},http://b;backup=1")
    assert load_settings().nodes == (NodeIntent("http://a:1"), NodeIntent("http://b", backup=True))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("ASR_PORT", "99999", ["ASR_PORT", "99999", "65535"]),
        ("ASR_NODES", "a:1", ["ASR_NODES", "http://"]),
        ("ASR_NODES", "http://a;wait=3", ["ASR_NODES", "wait", "weight"]),
        ("ASR_NODES", "http://a;weight=0", ["ASR_NODES", "weight"]),
        ("ASR_NODES", "http://a;backup=perhaps", ["ASR_NODES", "perhaps", "true or false"]),
        ("ASR_API_KEYS", "crm:short", ["ASR_API_KEYS", "name:key", "8"]),
        ("ASR_API_KEYS", "crm:12345678,crm:87654321", ["ASR_API_KEYS", "'crm'", "twice"]),
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


@pytest.mark.parametrize("name", ["ASR_REDIS_URL", "ASR_CACHE_REDIS_URL"])
def test_a_redis_that_cannot_be_one_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "redis://:hush@cache:port")
    with pytest.raises(BadSetting, match=name) as caught:
        load_settings()
    assert "hush" not in str(caught.value) and "redis://host:6379/0" in str(caught.value)
    monkeypatch.setenv(name, "redis://:hush@cache")
    assert "hush" not in repr(load_settings())


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("", Path("data") / "audio"),
        ("/srv/sound", Path("/srv/sound")),
        ("file:///srv/my%20sound", Path("/srv/my sound")),
        ("s3://calls", S3Address("calls")),
        ("s3://calls/a//b/", S3Address("calls", "a/b")),
        (
            "s3://calls/x?endpoint=http://minio:9000/&region=cn-north-1&ca=/etc/ca.pem&style=virtual",
            S3Address("calls", "x", "http://minio:9000", "cn-north-1", "/etc/ca.pem", True),
        ),
    ],
)
def test_where_recordings_lie(monkeypatch: pytest.MonkeyPatch, value: str, place: Path | S3Address) -> None:
    monkeypatch.setenv("ASR_DATA_DIR", "data")
    monkeypatch.setenv("ASR_AUDIO_STORE", value)
    assert load_settings().audio_place == place


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("s3://", "bucket"),
        ("s3://ab", "3 to 63"),
        ("s3://Calls", "small letters"),
        ("s3:///calls", "bucket"),
        ("gs://calls", "s3://bucket/prefix"),
        ("file://srv/sound", "file:///srv"),
        ("s3://calls?endpoint=minio:9000", "http://minio:9000"),
        ("s3://calls?endpoint=http://minio:9000/calls", "http://minio:9000"),
        ("s3://calls?style=odd", "path or virtual"),
        ("s3://calls?end=http://minio:9000", "endpoint, region, ca, style"),
        ("s3://me:very?hush@calls/x", "bucket"),
        ("s3://calls?endpoint=http%3A%2F%2Fme%3Ahush%40minio:9000", "ASR_S3_SECRET_KEY"),
        ("s3://calls?pwd=hush", "is not known"),
        ("s3://calls?x=1&hush", "is not known"),
        ("s3://me:hush/calls", "bucket"),
        ("s3://me:hush@calls", "ASR_S3_SECRET_KEY"),
        ("s3://calls?endpoint=http://me:hush@minio:9000", "ASR_S3_SECRET_KEY"),
        ("s3://me:very/hush@calls", "bucket"),
        ("s3://calls?endpoint=http://me:very/hush@minio:9000", "http://minio:9000"),
        ("s3://calls?secret_access_key=hush", "is not known"),
        ("s3://calls?region=x&SecretKey=hush&y=1", "is not known"),
    ],
)
def test_a_store_that_cannot_be_one_is_named_without_its_keys(
    monkeypatch: pytest.MonkeyPatch, value: str, word: str
) -> None:
    monkeypatch.setenv("ASR_AUDIO_STORE", value)
    with pytest.raises(BadSetting, match="ASR_AUDIO_STORE is ") as caught:
        load_settings()
    assert word in str(caught.value) and value[:5] in str(caught.value)
    assert "hush" not in str(caught.value)


def test_the_keys_of_a_store_go_together_and_are_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASR_S3_SECRET_KEY", "hush")
    with pytest.raises(BadSetting, match="ASR_S3_ACCESS_KEY") as caught:
        load_settings()
    assert "hush" not in str(caught.value)
    monkeypatch.setenv("ASR_S3_ACCESS_KEY", "quiet")
    assert "hush" not in repr(load_settings()) and "quiet" not in repr(load_settings())


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


def test_the_own_node_works_with_the_settings_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASR_MODEL", "demo")
    settings = load_settings(model="demo-sensevoice", data_dir=tmp_path / "here", slots=3)
    for name, value in child_environment(settings, ASR_NODE_TOKEN="t").items():
        monkeypatch.setenv(name, value)
    seen = load_settings()
    assert (seen.model, seen.data_dir, seen.slots) == ("demo-sensevoice", tmp_path / "here", 3)
    assert seen.node_token.get_secret_value() == "t"


def test_a_typing_error_beside_a_nodes_secret_does_not_print_it() -> None:
    for nodes in ("http://a;token=hush-hush;weigth=3", [{"url": "http://a", "token": "hush-hush", "weigth": 3}]):
        with pytest.raises(BadSetting) as caught:
            load_settings(nodes=nodes)
        assert "weigth" in str(caught.value) and "hush" not in str(caught.value)
