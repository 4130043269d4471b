"""The folders that FunASR loads: configurations, statistics, weights."""

import json
from pathlib import Path
from typing import Any, cast

import torch

from engine.funasr_import import import_funasr
from training.features import FEATURES, FRONTEND, VAD_FRONTEND

_ENCODER: dict[str, Any] = {
    "output_size": 160,
    "attention_heads": 4,
    "linear_units": 512,
    "num_blocks": 4,
    "tp_blocks": 1,
    "dropout_rate": 0.0,
    "positional_dropout_rate": 0.0,
    "attention_dropout_rate": 0.0,
    "input_layer": "pe",
    "pos_enc_class": "SinusoidalPositionEncoder",
    "normalize_before": True,
    "kernel_size": 11,
    "sanm_shfit": 0,
    "selfattention_layer_type": "sanm",
}
_SENSEVOICE: dict[str, Any] = {
    "model": "SenseVoiceSmall",
    "model_conf": {"length_normalized_loss": True, "sos": 1, "eos": 2, "ignore_id": -1},
    "encoder": "SenseVoiceEncoderSmall",
    "encoder_conf": _ENCODER,
    "ctc_conf": {"dropout_rate": 0.0, "ctc_type": "builtin", "reduce": True, "ignore_nan_grad": True},
    "tokenizer": "SentencepiecesTokenizer",
    "tokenizer_conf": {"bpemodel": None, "unk_symbol": "<unk>", "split_with_space": True},
    "frontend": "WavFrontend",
    "frontend_conf": {**FRONTEND, "cmvn_file": None},
}


def write_configuration(folder: Path, config: dict[str, Any], task: str, files: dict[str, Any]) -> None:
    """``config.yaml`` and ``configuration.json``; ``files``: the file of each setting, beside the weights."""
    from omegaconf import OmegaConf

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(config)), encoding="utf-8")
    metas = {"init_param": "model.pt", "config": "config.yaml", **files}
    about = {"framework": "pytorch", "task": task, "model": {"type": "pytorch"}, "file_path_metas": metas}
    (folder / "configuration.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def write_weights(folder: Path, state: dict[str, torch.Tensor]) -> None:
    """``model.pt`` in half precision: FunASR copies it into a model of full precision."""
    halves: dict[tuple[int, torch.Size], torch.Tensor] = {}
    kept: dict[str, torch.Tensor] = {}
    for name, value in state.items():
        # Tied weights stay one, so they are stored once.
        where = (value.data_ptr(), value.shape)
        kept[name] = halves.setdefault(where, value.half()) if value.is_floating_point() else value
    torch.save(kept, folder / "model.pt")


def write_sensevoice_configuration(folder: Path) -> None:
    """All of SenseVoice's folder but tokenizer, statistics and weights."""
    files = {"tokenizer_conf": {"bpemodel": "bpe.model"}, "frontend_conf": {"cmvn_file": "am.mvn"}}
    write_configuration(folder, _SENSEVOICE, "auto-speech-recognition", files)


def build_sensevoice(pieces: int) -> Any:
    """The model with weights of chance."""
    import_funasr("sensevoice")
    from funasr.models.sense_voice.model import SenseVoiceSmall

    conf = {**_SENSEVOICE["model_conf"], "encoder": _SENSEVOICE["encoder"], "encoder_conf": dict(_ENCODER)}
    return SenseVoiceSmall(**conf, ctc_conf=dict(_SENSEVOICE["ctc_conf"]), input_size=FEATURES, vocab_size=pieces)


#: The tiny Qwen3's folder, beside the weights.
LLM_FOLDER = "Qwen3-tiny"
_LLM_SIZE = 160
#: Dimensions of one head of the LLM.
HEAD_SIZE = 32
_ADAPTOR: dict[str, Any] = {"downsample_rate": 1, "llm_dim": _LLM_SIZE, "encoder_dim": _ENCODER["output_size"]}
_FROZEN = {"freeze": True}


def write_nano_configuration(folder: Path, pieces: int, tokens: int) -> None:
    """All of the Nano's folder but tokenizers, statistics and weights."""
    files = {
        "tokenizer_conf": {"init_param_path": LLM_FOLDER},
        "llm_conf": {"init_param_path": LLM_FOLDER},
        "ctc_tokenizer_conf": {"bpemodel": "bpe.model"},
        "frontend_conf": {"cmvn_file": "am.mvn"},
    }
    write_configuration(folder, _nano(pieces), "auto-speech-recognition", files)
    _llm_configuration(tokens).save_pretrained(folder / LLM_FOLDER)


def build_nano(folder: Path) -> Any:
    """The model of a folder that has all but its weights, with weights of chance."""
    import_funasr("nano")
    from funasr.download.download_model_from_hub import download_model
    from funasr.models.fun_asr_nano.model import FunASRNano

    configuration = cast(dict[str, Any], download_model(model=str(folder)))
    return FunASRNano(**{**configuration, "input_size": FEATURES})


def _nano(pieces: int) -> dict[str, Any]:
    return {
        "model": "FunASRNano",
        "model_conf": {"lsm_weight": 0.1, "length_normalized_loss": True},
        "audio_encoder": "SenseVoiceEncoderSmall",
        "audio_encoder_conf": {**_ENCODER, **_FROZEN},
        "llm": LLM_FOLDER,
        "llm_conf": {"hub": "hf", "llm_dtype": "fp32", "init_param_path": LLM_FOLDER, "use_lora": False, **_FROZEN},
        "audio_adaptor": "Transformer",
        "audio_adaptor_conf": {
            **_ADAPTOR,
            "use_low_frame_rate": False,
            "ffn_dim": 384,
            "n_layer": 1,
            "attention_heads": 5,
            **_FROZEN,
        },
        "ctc_decoder": "Transformer",
        "ctc_decoder_conf": {**_ADAPTOR, "ffn_dim": 2 * _LLM_SIZE, "n_layer": 0, "freeze": False},
        "ctc_weight": 1.0,
        "ctc_vocab_size": pieces + 1,
        "ctc_tokenizer": "SentencepiecesTokenizer",
        "ctc_tokenizer_conf": {"bpemodel": "bpe.model"},
        "ctc_conf": {"dropout_rate": 0.0},
        "detach_ctc_decoder": True,
        "frontend": "WavFrontend",
        "frontend_conf": {**FRONTEND, "cmvn_file": None},
        "dataset_conf": {"do_think": True, "sys_prompt": False},
        "tokenizer": "HuggingfaceTokenizer",
        "tokenizer_conf": {"init_param_path": LLM_FOLDER},
    }


def _llm_configuration(tokens: int) -> Any:
    from transformers import Qwen3Config

    return Qwen3Config(
        vocab_size=tokens,
        hidden_size=_LLM_SIZE,
        intermediate_size=448,
        num_hidden_layers=3,
        num_attention_heads=5,
        num_key_value_heads=5,
        head_dim=HEAD_SIZE,
        max_position_embeddings=2_048,
        tie_word_embeddings=True,
        pad_token_id=0,
        eos_token_id=2,
        bos_token_id=None,
        # As the real one's: slow enough that half of each head compares contents whatever the distance.
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        architectures=["Qwen3ForCausalLM"],
    )


_VAD: dict[str, Any] = {
    "frontend": "WavFrontendOnline",
    "frontend_conf": {**VAD_FRONTEND, "cmvn_file": None},
    "model": "FsmnVADStreaming",
    "model_conf": {
        "sample_rate": 16_000,
        "detect_mode": 1,
        "snr_mode": 0,
        "max_end_silence_time": 800,
        "max_start_silence_time": 3_000,
        "do_start_point_detection": True,
        "do_end_point_detection": True,
        "window_size_ms": 200,
        "sil_to_speech_time_thres": 150,
        "speech_to_sil_time_thres": 150,
        "speech_2_noise_ratio": 1.0,
        "do_extend": 1,
        "lookback_time_start_point": 200,
        "lookahead_time_end_point": 100,
        "max_single_segment_time": 60_000,
        "snr_thres": -100.0,
        "noise_frame_num_used_for_snr": 100,
        "decibel_thres": -100.0,
        "speech_noise_thres": 0.6,
        "fe_prior_thres": 0.0001,
        "silence_pdf_num": 1,
        "sil_pdf_ids": [0],
        "speech_noise_thresh_low": -0.1,
        "speech_noise_thresh_high": 0.3,
        "output_frame_probs": False,
        "frame_in_ms": 10,
        "frame_length_ms": 25,
    },
    "encoder": "FSMN",
    "encoder_conf": {
        "input_dim": 400,
        "input_affine_dim": 48,
        "fsmn_layers": 3,
        "linear_dim": 64,
        "proj_dim": 32,
        "lorder": 20,
        "rorder": 0,
        "lstride": 1,
        "rstride": 0,
        "output_affine_dim": 32,
        "output_dim": 2,
    },
}


def write_vad_configuration(folder: Path) -> None:
    """All of the detector's folder but statistics and weights."""
    write_configuration(folder, _VAD, "voice-activity-detection", {"frontend_conf": {"cmvn_file": "am.mvn"}})


def build_vad() -> Any:
    """The detector with weights of chance."""
    import_funasr("sensevoice")
    from funasr.models.fsmn_vad_streaming.model import FsmnVADStreaming

    conf = _VAD["model_conf"]
    return FsmnVADStreaming(encoder="FSMN", encoder_conf=dict(_VAD["encoder_conf"]), **conf)


def load_nano(folder: Path) -> Any:
    """The model of a folder, in full precision, and nothing frozen."""
    model = build_nano(folder)
    model.load_state_dict(torch.load(folder / "model.pt", map_location="cpu"))
    return model.requires_grad_(True).eval()
