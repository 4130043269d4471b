"""What the Nano's training starts from and looks at: copying heads, guided attention, hotwords found in the prompt."""

import random
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from training import folders, names, prompts, tokens
from training.chat import Chat
from training.first_nano import write_first_nano
from training.guidance import guidance_loss, looks
from training.names import name_clause
from training.recordings import Recording
from training.sensevoice import Acoustic

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def test_where_to_look_is_told_by_the_order_of_the_units() -> None:
    # Sound on the places 10 to 19: three units, of which the second is a mark that the answer leaves out.
    found = looks([11, 14, 17], last_sound=19, kept=[0, 2], answer=25, told=[(11, 3)])
    assert found["hotword"] == [(11, 3)]
    assert found["next"] == [(25, 11), (26, 17), (27, 19)]
    assert found["back 1"] == [(14, 11), (17, 14), (19, 17), (27, 26)]
    assert found["back 2"] == [(17, 11), (19, 14)]
    assert found["back 3"] == [(19, 11)]


def test_without_speech_the_answer_ends_where_the_sound_does() -> None:
    found = looks([], last_sound=9, kept=[], answer=14, told=[])
    assert found["next"] == [(14, 9)]
    assert not any(found[task] for task in found if task != "next")


def test_guidance_is_content_when_the_heads_look_where_they_should() -> None:
    found = looks([3, 5], last_sound=6, kept=[0, 1], answer=8, told=[(3, 1)])
    even = [torch.full((1, 5, 11, 11), 1 / 11) for _ in range(3)]
    right = [torch.zeros(1, 5, 11, 11) for _ in range(3)]
    for layer in right:
        for pairs in found.values():
            for source, goal in pairs:
                layer[0, :, source, goal] = 1.0
    assert float(guidance_loss(right, [found])) == pytest.approx(0, abs=1e-2)
    assert float(guidance_loss(even, [found])) > 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Nano's folder, all but its weights."""
    made = tmp_path_factory.mktemp("nano")
    tokens.write_sentencepiece(made / "bpe.model")
    (made / folders.LLM_FOLDER).mkdir()
    pieces = tokens.read_sentencepiece(made / "bpe.model").GetPieceSize()
    folders.write_nano_configuration(made, pieces, tokens.write_llm_tokenizer(made / folders.LLM_FOLDER))
    return made


def test_the_hotword_that_spells_the_name_is_found_among_others(folder: Path) -> None:
    from engine.funasr_import import import_funasr

    import_funasr("nano")
    from funasr.models.fun_asr_nano.model import FunASRNano

    tokenizer, dice = tokens.read_llm_tokenizer(folder / folders.LLM_FOLDER), random.Random(1)
    chat = Chat(SimpleNamespace(get_prompt=partial(FunASRNano.get_prompt, None)), tokenizer)
    told_names = 0
    for _ in range(500):
        part, name = name_clause(dice, dice.choice(("zh", "en")))
        units = (*part.units, part.mark)
        asked = prompts.task(dice, Recording("zh", units, ((0.0, 0.0),) * len(units), name))
        places = chat.told(asked)
        if asked.is_told:
            before = chat.before(asked)
            spelling = "".join(asked.units[place] for place in asked.name_place)
            assert tokenizer.decode([before[place] for place in places]).strip() == spelling
            told_names += 1
        else:
            assert places == []
    assert told_names > 200


@torch.no_grad()
def test_it_starts_with_what_the_acoustic_model_knows(folder: Path) -> None:
    torch.manual_seed(0)
    pieces, tokenizer = (
        tokens.read_sentencepiece(folder / "bpe.model"),
        tokens.read_llm_tokenizer(folder / folders.LLM_FOLDER),
    )
    acoustic = Acoustic(pieces.GetPieceSize())
    write_first_nano(folder, acoustic.state_dict())
    model = folders.load_nano(folder)
    frames = torch.randn(1, 7, 160) * 2
    shown, _ = model.audio_adaptor(frames, torch.tensor([7]))
    # A block of chance stands behind what is passed on, made so weak that it hardly speaks.
    likeness = torch.cosine_similarity(shown, frames, dim=-1)
    assert float(likeness.min()) > 0.8
    table, known = model.llm.get_input_embeddings().weight, acoustic.onset.weight
    (hang,) = tokenizer.encode("杭")
    assert float(torch.cosine_similarity(table[hang], known[pieces.PieceToId("杭")], dim=0)) == pytest.approx(
        1, abs=1e-3
    )
    for other, usual in names.usual_spellings().items():
        alike = torch.cosine_similarity(table[tokenizer.encode(other)[-1]], table[tokenizer.encode(usual)[-1]], dim=0)
        assert float(alike) > 0.4, (other, usual)
