"""Prompts that are lists of hotwords, and prompts that are not."""

import pytest

from speech.hotwords import looks_like_hotwords


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("张三, 李四", ("张三", "李四")),
        ("张三，李四、王五；赵六", ("张三", "李四", "王五", "赵六")),
        ("Kubernetes\nPostgreSQL\nRedis", ("Kubernetes", "PostgreSQL", "Redis")),
        ("热词：阿里巴巴, 通义千问。", ("阿里巴巴", "通义千问")),
        ("Glossary: ZyntriQix, Digique Plus, CynapseFive", ("ZyntriQix", "Digique Plus", "CynapseFive")),
        ("通义千问", ("通义千问",)),
        ("张三, 张三", ("张三",)),
        ("卡尔·马克思，恩格斯", ("卡尔·马克思", "恩格斯")),
        ("", ()),
        (" ,，; ", ()),
        ("今天我们开会讨论了第三季度的预算。", ()),
        ("今天开会，我们讨论了预算，然后去吃饭。", ()),
        ("The meeting starts at three, and then we talk about money.", ()),
        ("Hello, this is the first part of a long talk", ()),
        ("请把下面的话写成文字", ()),
    ],
)
def test_only_a_list_is_taken_for_hotwords(prompt: str, words: tuple[str, ...]) -> None:
    assert looks_like_hotwords(prompt) == words
