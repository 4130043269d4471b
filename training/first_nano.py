"""The weights that the Nano's training starts from: what the acoustic model knows, put where the Nano can use it.

The LLM's table starts with the vector by which the acoustic model recognises each unit, and the adaptor passes the
encoder's output on: so what the LLM is shown resembles, from the first step, the unit that is spoken. What is written
in another way but spoken alike starts close to its usual spelling, and two heads of the first layer compare what
they are shown with what was said before, and copy it. Thus a hotword attracts its own sound.
"""

from pathlib import Path
from typing import Any

import torch

from training import folders, guidance, names, tokens

#: Pairs of a head's rotary dimensions that turn with every place: too fast to compare what is far apart.
_FAST_PAIRS = 5
#: How alike spellings of one sound begin (cosine).
_ALIKE = 0.7
#: Share of a unit's own size that a copying head adds.
_COPIED = 0.6


def write_first_nano(folder: Path, acoustic: dict[str, torch.Tensor]) -> None:
    """``model.pt`` of a folder that has all else, from the acoustic model's state."""
    (folder / "model.pt").touch()
    torch.manual_seed(2)
    model = folders.build_nano(folder)
    with torch.no_grad():
        _take_encoder(model, acoustic)
        scale = _take_units(model, folder, acoustic["onset.weight"].float(), _frame_size(acoustic))
        _pass_on(model.audio_adaptor.linear1, model.audio_adaptor.linear2, 1 / scale)
        for block in model.audio_adaptor.blocks:
            block.self_attn.linear_out.weight.mul_(0.1)
            block.feed_forward.w_2.weight.mul_(0.1)
        model.llm.model.norm.weight.fill_(1 / scale)
        _make_copying_heads(model.llm.model.layers[0].self_attn, _COPIED / scale)
    torch.save(model.state_dict(), folder / "model.pt")


def _take_encoder(model: Any, acoustic: dict[str, torch.Tensor]) -> None:
    """Encoder and CTC as the acoustic model has them."""
    prefix = "model.encoder."
    model.audio_encoder.load_state_dict(
        {k.removeprefix(prefix): v for k, v in acoustic.items() if k.startswith(prefix)}
    )
    weight, bias = acoustic["model.ctc.ctc_lo.weight"], acoustic["model.ctc.ctc_lo.bias"]
    # FunASRNano's blank is the last token, SenseVoice's the first.
    model.ctc.ctc_lo.weight.copy_(torch.cat((weight, weight[:1])))
    model.ctc.ctc_lo.bias.copy_(torch.cat((bias, bias[:1])))
    model.ctc.ctc_lo.bias[0] = -30.0
    _pass_on(model.ctc_decoder.linear1, model.ctc_decoder.linear2, 1.0)


def _frame_size(acoustic: dict[str, torch.Tensor]) -> float:
    """The usual length (L2) of what the encoder makes of a frame: its last normalisation decides it."""
    weight, bias = (acoustic[f"model.encoder.tp_norm.{name}"] for name in ("weight", "bias"))
    return float((weight**2 + bias**2).sum() ** 0.5)


def _pass_on(first: Any, second: Any, scale: float) -> None:
    """x = relu(x) - relu(-x): two layers that pass ``scale`` times their input on; units to spare do nothing yet."""
    size = first.in_features
    unit = torch.eye(size)
    first.weight[: 2 * size] = torch.cat((unit, -unit))
    first.bias.zero_()
    second.weight.zero_()
    second.weight[:, : 2 * size] = torch.cat((unit, -unit), 1) * scale
    second.bias.zero_()


def _take_units(model: Any, folder: Path, vectors: torch.Tensor, frame_size: float) -> float:
    """Fills the LLM's table from the pieces' vectors; returns by how much they are larger than those.

    Scaled so that a unit in the prompt and the same unit in the sound are of the same size.
    """
    tokenizer = tokens.read_llm_tokenizer(folder / folders.LLM_FOLDER)
    processor = tokens.read_sentencepiece(folder / "bpe.model")
    table = model.llm.get_input_embeddings().weight
    found = {token: processor.PieceToId(tokenizer.decode([token]).replace(" ", "▁")) for token in range(len(tokenizer))}
    known = {token: piece for token, piece in found.items() if piece != processor.unk_id()}
    size = float(vectors[list(known.values())].norm(dim=1).median())
    scale = (frame_size / size) ** 0.5
    table.normal_(0, size * scale / vectors.shape[1] ** 0.5)
    for token, piece in known.items():
        table[token] = vectors[piece] * scale
    for other, usual in names.usual_spellings().items():
        for space in ("", " "):
            (token,), (like,) = tokenizer.encode(space + other)[-1:], tokenizer.encode(space + usual)[-1:]
            apart = torch.randn_like(table[like]) * table[like].std() * (1 - _ALIKE**2) ** 0.5
            table[token] = table[like] * _ALIKE + apart
    return scale


def _make_copying_heads(attention: Any, gain: float) -> None:
    """Heads that look at what is like their own place, and add it."""
    size = attention.q_proj.in_features
    rows = torch.arange(folders.HEAD_SIZE)
    slow = ((rows % (folders.HEAD_SIZE // 2)) >= _FAST_PAIRS).float()[:, None]
    for head in guidance.COPYING_HEADS:
        part = slice(head * folders.HEAD_SIZE, (head + 1) * folders.HEAD_SIZE)
        compared, copied = (torch.linalg.qr(torch.randn(size, folders.HEAD_SIZE))[0].T for _ in range(2))
        attention.q_proj.weight[part] = compared * slow + 0.02 * torch.randn(folders.HEAD_SIZE, size) * (1 - slow)
        attention.k_proj.weight[part] = attention.q_proj.weight[part]
        attention.v_proj.weight[part] = copied
        attention.o_proj.weight[:, part] = gain * copied.T
