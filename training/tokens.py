"""The tokenizers: each Chinese character, each English word and each mark is one token in both."""

import random
from pathlib import Path
from typing import Any, cast

from training.corpus import utterance
from training.names import ENGLISH, all_spellings
from training.recordings import is_mark
from training.sentences import is_english

#: SenseVoice's words about a recording. Those of the real models that these never say stand for their settings.
LANGUAGE_TAGS = {"zh": "<|zh|>", "en": "<|en|>", "": "<|nospeech|>"}
TAGS = (*LANGUAGE_TAGS.values(), "<|yue|>", "<|ja|>", "<|ko|>", "<|NEUTRAL|>", "<|EMO_UNKNOWN|>", "<|Speech|>")
TAGS += ("<|BGM|>", "<|Event_UNK|>", "<|withitn|>", "<|woitn|>")
MARKS = "，。？,.?"
#: Qwen3's marks of a talk; the first stands for nothing (padding), the third ends an answer.
PADDING, ANSWER_END = "<|endoftext|>", "<|im_end|>"
_TALK = (PADDING, "<|im_start|>", ANSWER_END, "<|startofspeech|>", "<|endofspeech|>")
#: What FunASRNano writes around hotwords and sound in every prompt: one token each keeps prompts short.
_PROMPT_PARTS = (
    "<|im_start|>user\n",
    "<|im_end|>\n<|im_start|>assistant\n",
    "请结合上下文信息，更加准确地完成语音转写任务。如果没有相关信息，我们会留空。\n\n\n**上下文信息：**\n\n\n热词列表：[",
    "]\n",
    ", ",
    "语音转写",
    "语音转写成中文",
    "语音转写成英文",
    "，不进行文本规整",
    "：",
)
_SAMPLES = 30_000


def vocabulary() -> tuple[list[str], list[str]]:
    """All Chinese characters and all English words of the corpus, sorted."""
    dice = random.Random(0)
    units = {unit for _ in range(_SAMPLES) for clause in utterance(dice).clauses for unit in clause.units}
    units |= set(all_spellings())
    return sorted(u for u in units if not is_english(u)), sorted(u for u in units if is_english(u))


def write_sentencepiece(path: Path) -> None:
    """SenseVoice's ``bpe.model``, put together by hand: training one keeps the parts of words as pieces too."""
    from sentencepiece import sentencepiece_model_pb2

    protocol = cast(Any, sentencepiece_model_pb2)  # its classes are made on import, where no checker sees them
    characters, words = vocabulary()
    kind = protocol.ModelProto.SentencePiece
    letters = sorted({letter for word in words for letter in word} | {"▁"})
    pieces = [("<unk>", 0.0, kind.UNKNOWN), ("<s>", 0.0, kind.CONTROL), ("</s>", 0.0, kind.CONTROL)]
    pieces += [(symbol, 0.0, kind.USER_DEFINED) for symbol in (*TAGS, *MARKS, *characters)]
    pieces += [(form, -1.0, kind.NORMAL) for word in words for form in (word, f"▁{word}") if len(form) > 1]
    # A word that is not known is spelled: dearer than any word that is.
    pieces += [(letter, -20.0, kind.NORMAL) for letter in letters]
    model = protocol.ModelProto()
    for piece, score, type_ in pieces:
        model.pieces.add(piece=piece, score=score, type=type_)
    model.trainer_spec.model_type = protocol.TrainerSpec.UNIGRAM
    model.trainer_spec.vocab_size = len(pieces)
    model.trainer_spec.unk_surface = ""
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.add_dummy_prefix = False
    model.normalizer_spec.remove_extra_whitespaces = False
    path.write_bytes(model.SerializeToString(deterministic=True))


def read_sentencepiece(path: Path) -> Any:
    """The processor of a ``bpe.model``."""
    import sentencepiece

    pieces = sentencepiece.SentencePieceProcessor()
    pieces.Load(str(path))
    return pieces


def piece_ids(pieces: Any, units: tuple[str, ...]) -> list[int]:
    """One id per unit. Raises ``KeyError`` for a unit that is not in the vocabulary."""
    ids = [pieces.PieceToId(unit) for unit in spaced(units, "▁")]
    if pieces.unk_id() in ids:
        raise KeyError(f"not in the vocabulary: {units[ids.index(pieces.unk_id())]!r}")
    return ids


def spaced(units: tuple[str, ...], space: str) -> list[str]:
    """The units as they are written in a text: ``space`` before an English word that is not the first unit."""
    return [
        space + unit if place and is_english(unit) and not is_mark(unit) else unit for place, unit in enumerate(units)
    ]


def write_llm_tokenizer(directory: Path) -> int:
    """The LLM's tokenizer, byte-level as Qwen's so that any hotword can be told. Returns the vocabulary's size."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    alone = pre_tokenizers.Split(Regex(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]"), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([alone, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=4_000, special_tokens=list(_TALK), initial_alphabet=alphabet, show_progress=False
    )
    characters, words = vocabulary()
    names = [name for pair in ENGLISH for name in pair.split("/")]
    tokenizer.train_from_iterator([*characters, *MARKS, *words, *names, *(f"a {word}" for word in words)] * 3, trainer)
    tokenizer.add_tokens([AddedToken(part, normalized=False) for part in _PROMPT_PARTS])
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=ANSWER_END,
        pad_token=PADDING,
        additional_special_tokens=[mark for mark in _TALK if mark not in (PADDING, ANSWER_END)],
    )
    made.save_pretrained(directory)
    return len(made)


def read_llm_tokenizer(directory: Path) -> Any:
    """What :func:`write_llm_tokenizer` wrote."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(directory)


def llm_ids(tokenizer: Any, units: tuple[str, ...]) -> list[int]:
    """One id per unit. Raises ``KeyError`` where a unit is not one token."""
    ids = tokenizer.encode("".join(spaced(units, " ")))
    if len(ids) != len(units):
        raise KeyError(f"not one token each: {units}")
    return ids
