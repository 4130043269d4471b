"""How an answer ended, as the LLM's own loop would tell it."""

from types import SimpleNamespace

import pytest
import torch

from engine.token_limit import TokenWatch, end_tokens

PAD, END = 0, 2


def generate(watch: TokenWatch, *answers: list[int]) -> None:
    """One call of the LLM for a batch: after each step all tokens so far, what has ended is filled up."""
    length = max(map(len, answers))
    tokens = torch.tensor([answer + [PAD] * (length - len(answer)) for answer in answers])
    for step in range(1, length + 1):
        assert watch(tokens[:, :step], None).tolist() == [False] * len(answers), "nothing is stopped"


def test_one_batch_of_which_one_answer_reaches_the_limit() -> None:
    watch = TokenWatch()
    generate(watch, [7, 8, END], [7, 8, 9, 10], [7, 8, 9, END])
    assert watch.cut_off(4, {PAD, END}) == [False, True, False]
    assert watch.cut_off(5, {PAD, END}) == [False, False, False]


def test_segments_that_the_llm_gets_one_by_one() -> None:
    watch = TokenWatch()
    for answer in ([END], [7, 8, 9], [7, END], [7, 8, END]):
        generate(watch, answer)
    assert watch.cut_off(3, {PAD, END}) == [False, True, False, False]


def test_a_model_that_was_not_asked_cut_nothing_off() -> None:
    assert TokenWatch().cut_off(3, {END}) == []


@pytest.mark.parametrize(
    ("eos", "pad", "ends"), [(2, 0, {0, 2}), ([5, 6], None, {5, 6}), ([5, 6], 6, {5, 6}), (None, None, set())]
)
def test_the_tokens_that_end_an_answer(eos, pad, ends: set[int]) -> None:
    assert end_tokens(SimpleNamespace(eos_token_id=eos, pad_token_id=pad)) == ends
