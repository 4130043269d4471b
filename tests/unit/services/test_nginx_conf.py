"""What is written for nginx, of whatever the cluster's nodes and replicas are called."""

import subprocess
from pathlib import Path

import pytest

from domain.errors import InvalidOptions
from domain.node import NodeIntent
from services.nginx_conf import nodes_conf, parse_place, web_conf, whole_weights
from settings import PROJECT
from tests.helpers.nginx import check_nginx
from tests.helpers.redis_server import free_port

TEMPLATES = PROJECT / "deploy" / "nginx"


def web(*replicas: str, port: int = 8080) -> str:
    return web_conf((TEMPLATES / "web.conf").read_text(), replicas, port=port, max_upload_mb=1024)


def pool(*nodes: NodeIntent, port: int = 8080) -> str:
    placed = [(node, parse_place(node.url)) for node in nodes]
    return nodes_conf((TEMPLATES / "nodes.conf").read_text(), placed, port=port, max_upload_mb=1024)


def servers(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.startswith("    server ")]


def test_nginx_takes_what_is_written_for_replicas(tmp_path: Path) -> None:
    assert check_nginx(tmp_path, web("http://127.0.0.1:7860", "http://[::1]:7860", port=free_port())) == ""
    assert check_nginx(tmp_path, web("https://127.0.0.1", port=free_port())) == ""


def test_nginx_takes_the_lines_for_tls(tmp_path: Path) -> None:
    key, certificate, port = tmp_path / "key.pem", tmp_path / "cert.pem", free_port()
    command = ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=asr"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    text = web("http://127.0.0.1:7860", port=port).replace("# listen 443 ssl;", f"listen 127.0.0.1:{free_port()} ssl;")
    text = text.replace("# ssl_certificate     /etc/nginx/tls/fullchain.pem;", f"ssl_certificate {certificate};")
    text = text.replace("# ssl_certificate_key /etc/nginx/tls/privkey.pem;", f"ssl_certificate_key {key};")
    assert "# ssl" not in text and "listen 443" not in text
    assert check_nginx(tmp_path / "nginx", text) == ""


def test_nginx_takes_what_is_written_for_nodes_whatever_they_are_called(tmp_path: Path) -> None:
    names = ["二号 ; } http { #", "a\nserver evil:80;\r\u2028}", '"$host\\', "@port@ @servers@"]
    nodes = [NodeIntent(f"http://127.0.0.1:{7000 + n}", name, weight=n + 0.5) for n, name in enumerate(names)]
    text = pool(*nodes, NodeIntent("http://[::1]:7861", backup=True), port=free_port())
    assert check_nginx(tmp_path, text) == ""
    assert [line.split(";")[0] for line in servers(text)] == [
        "server 127.0.0.1:7000 weight=1 max_fails=2 fail_timeout=15s",
        "server 127.0.0.1:7001 weight=3 max_fails=2 fail_timeout=15s",
        "server 127.0.0.1:7002 weight=5 max_fails=2 fail_timeout=15s",
        "server 127.0.0.1:7003 weight=7 max_fails=2 fail_timeout=15s",
        "server [::1]:7861 weight=2 max_fails=2 fail_timeout=15s backup",
    ]
    assert not [line for line in text.splitlines() if line.strip().startswith("server evil")]


def test_an_address_counts_once(tmp_path: Path) -> None:
    nodes = [NodeIntent("http://127.0.0.1:7861", name) for name in ("one", "the same")]
    text = pool(*nodes, NodeIntent("http://127.0.0.1:7862"), port=free_port())
    assert check_nginx(tmp_path, text) == ""
    assert [line.split()[1] for line in servers(text)] == ["127.0.0.1:7861", "127.0.0.1:7862"]
    assert servers(text)[0].endswith("# one")


def test_where_all_are_spare_none_is(tmp_path: Path) -> None:
    text = pool(NodeIntent("http://127.0.0.1:7861", backup=True), port=free_port())
    assert check_nginx(tmp_path, text) == ""


def test_drained_nodes_are_left_out_and_named() -> None:
    text = pool(NodeIntent("http://10.0.0.5:7861"), NodeIntent("http://10.0.0.6:7861", "二号", drain=True))
    assert [line.split()[1] for line in servers(text)] == ["10.0.0.5:7861"]
    assert "# Drained, and left out: 二号\n" in text
    with pytest.raises(InvalidOptions, match="there is no node"):
        pool(NodeIntent("http://10.0.0.6:7861", drain=True))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://a;b:1", "no name of a machine"),
        ("http://a{b", "no name of a machine"),
        ("http://$host", "no name of a machine"),
        ('http://a"b', "no name of a machine"),
        ("http://-a", "no name of a machine"),
        ("http://[fe80::1%25a;b]:1", "no name of a machine"),
        ("http://a:1/asr", "without a path"),
        ("http://a b", "is expected"),
        ("http://u:p@a", "is expected"),
        ("unix:/tmp/x", "is expected"),
    ],
)
def test_an_address_that_could_tell_nginx_something_is_refused(url: str, why: str) -> None:
    with pytest.raises(InvalidOptions, match=why):
        web(url)


def test_one_pool_is_asked_in_one_way() -> None:
    with pytest.raises(InvalidOptions, match="some are reached by http and some by https"):
        web("http://a", "https://b")


@pytest.mark.parametrize(
    ("weights", "whole"),
    [([1, 1], [1, 1]), ([3, 1], [3, 1]), ([0.5, 1, 2.5], [1, 2, 5]), ([1 / 3, 1], [1, 3]), ([0.001, 1000], [1, 10000])],
)
def test_weights_are_whole_numbers_in_the_same_proportions(weights: list[float], whole: list[int]) -> None:
    assert whole_weights(weights) == whole


def test_the_largest_upload_fits_with_its_form() -> None:
    assert "client_max_body_size 1124m;" in web("http://a")


def test_nothing_of_the_template_is_left() -> None:
    for text in (web("http://a"), pool(NodeIntent("http://10.0.0.5:1"))):
        assert "@" not in text and text.endswith("}\n")
