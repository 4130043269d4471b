import pytest

from domain.redis_url import RedisAddress, parse_redis_url


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://cache", RedisAddress((("cache", 6379),))),
        ("redis://10.0.0.5:7000/3", RedisAddress((("10.0.0.5", 7000),), db=3)),
        ("rediss://:p%40ss%2F@[::1]:7000", RedisAddress((("::1", 7000),), password="p@ss/", tls=True)),
        (
            "redis+sentinel://app:secret@a:1,b,[fd00::1]:3/speech/2?sentinel_password=x",
            RedisAddress(
                (("a", 1), ("b", 26379), ("fd00::1", 3)),
                "speech",
                2,
                "app",
                "secret",
                options={"sentinel_password": "x"},
            ),
        ),
        ("rediss+sentinel://a/main", RedisAddress((("a", 26379),), "main", tls=True)),
    ],
)
def test_addresses(url: str, address: RedisAddress) -> None:
    assert parse_redis_url(url) == address


@pytest.mark.parametrize(
    ("url", "right"),
    [
        ("cache:6379", "redis://host:6379/0"),
        ("http://:secret@cache", "redis://host:6379/0"),
        ("redis://:secret@", "a host and a port"),
        ("redis://:secret@cache:port", "a host and a port"),
        ("redis://:secret@cache:0", "a host and a port"),
        ("redis://:secret@cache/one", "a database is a number"),
        ("redis://:secret@cache/0/1", "a database is a number"),
        ("redis://:secret@a:1,b:2/0", r"redis\+sentinel"),
        ("redis+sentinel://:secret@a:1", "name of the service"),
        ("redis+sentinel://:secret@a:1/0", "name of the service"),
        ("redis://:secret@cache?timeout=5", "timeout"),
    ],
)
def test_what_is_no_address_is_told_in_words_and_without_the_password(url: str, right: str) -> None:
    with pytest.raises(ValueError, match=right) as caught:
        parse_redis_url(url)
    assert "secret" not in str(caught.value)


def test_an_address_shows_no_password() -> None:
    address = parse_redis_url("redis+sentinel://app:secret@a:1,b:2/speech/2?sentinel_password=secret")
    assert str(address) == "a:1,b:2/speech/2"
    assert "secret" not in repr(address)
    assert str(parse_redis_url("redis://:secret@[::1]/1")) == "[::1]:6379/1"
