# ruff: noqa: N806 - matrices are Q, K, V here, as in papers
"""Tiny sentence encoders on disk, and what they compute, in NumPy."""

import json
import math
from pathlib import Path

import numpy as np
import tokenizers
from safetensors.numpy import save_file

_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
WORDS = ["<pad>", "<s>", "</s>", "<unk>", "a", *_NUMBERS]
HIDDEN, HEADS, LAYERS, INNER, POSITIONS = 16, 2, 2, 32, 40
_BERT = ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
         "attention.output.LayerNorm")  # fmt: skip
_MPNET = ("attention.attn.q", "attention.attn.k", "attention.attn.v", "attention.attn.o", "attention.LayerNorm")


def tokenizer() -> tokenizers.Tokenizer:
    """Words that are known, marks around them."""
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({word: at for at, word in enumerate(WORDS)}, "<unk>"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return made


def weights(kind: str, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings": (len(WORDS), HIDDEN),
        "embeddings.position_embeddings": (POSITIONS, HIDDEN),
    }
    if kind != "mpnet":
        shapes["embeddings.token_type_embeddings"] = (2, HIDDEN)
    else:
        shapes["encoder.relative_attention_bias"] = (32, HEADS)
    linear = dict.fromkeys((_MPNET if kind == "mpnet" else _BERT)[:4], (HIDDEN, HIDDEN))
    linear |= {"intermediate.dense": (INNER, HIDDEN), "output.dense": (HIDDEN, INNER)}
    norms = ["embeddings.LayerNorm"]
    for layer in range(LAYERS):
        prefix = f"encoder.layer.{layer}."
        shapes |= {prefix + name: shape for name, shape in linear.items()}
        norms += [prefix + "output.LayerNorm", prefix + (_MPNET if kind == "mpnet" else _BERT)[4]]
    arrays = {f"{name}.weight": rng.normal(0, 0.4, shape) for name, shape in shapes.items()}
    arrays |= {f"{name}.bias": rng.normal(0, 0.1, shape[0]) for name, shape in shapes.items() if "layer" in name}
    for name in norms:
        arrays |= {f"{name}.weight": rng.uniform(0.5, 1.5, HIDDEN), f"{name}.bias": rng.normal(0, 0.1, HIDDEN)}
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def save(
    folder: Path,
    kind: str = "bert",
    *,
    pooling: str = "mean",
    normalised: bool = True,
    most: int = 12,
    prefix: str = "",
) -> Path:
    """Write a directory as sentence-transformers does."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "model_type": kind, "hidden_size": HIDDEN, "num_attention_heads": HEADS, "num_hidden_layers": LAYERS,
        "hidden_act": "gelu", "layer_norm_eps": 1e-5, "max_position_embeddings": POSITIONS, "pad_token_id": 0,
        "relative_attention_num_buckets": 32,
    }  # fmt: skip
    modules = [{"type": "sentence_transformers.models.Transformer", "path": ""}]
    modules.append({"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"})
    if normalised:
        modules.append({"type": "sentence_transformers.models.Normalize", "path": "2_Normalize"})
    modes = {"mean": "mean_tokens", "cls": "cls_token", "max": "max_tokens"}
    settings = {f"pooling_mode_{mode}": name == pooling for name, mode in modes.items()}
    for name, content in {
        "config.json": config,
        "modules.json": modules,
        "sentence_bert_config.json": {"max_seq_length": most, "do_lower_case": True},
        "1_Pooling/config.json": {"word_embedding_dimension": HIDDEN, **settings},
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    tokenizer().save(str(folder / "tokenizer.json"))
    save_file({prefix + name: array for name, array in weights(kind).items()}, folder / "model.safetensors")
    return folder


def expected(text: str, kind: str = "bert", pooling: str = "mean", most: int = 12) -> np.ndarray:
    """The embedding of a text, computed alone, step by step."""
    w = weights(kind)
    names = _MPNET if kind == "mpnet" else _BERT
    ids = [1, *tokenizer().encode(text.lower(), add_special_tokens=False).ids[: most - 2], 2]
    first = 0 if kind == "bert" else 1
    positions = w["embeddings.position_embeddings.weight"][first : first + len(ids)]
    x = w["embeddings.word_embeddings.weight"][ids] + positions
    if kind != "mpnet":
        x = x + w["embeddings.token_type_embeddings.weight"][0]
    x = _norm(x, w, "embeddings.LayerNorm")
    for layer in range(LAYERS):
        prefix = f"encoder.layer.{layer}."
        Q, K, V = (_linear(x, w, prefix + name) for name in names[:3])
        heads = []
        for head in range(HEADS):
            part = slice(head * HIDDEN // HEADS, (head + 1) * HIDDEN // HEADS)
            logits = Q[:, part] @ K[:, part].T / math.sqrt(HIDDEN // HEADS)
            if kind == "mpnet":
                logits = logits + _bias(len(ids), w["encoder.relative_attention_bias.weight"][:, head])
            P = np.exp(logits - logits.max(axis=1, keepdims=True))
            heads.append(P / P.sum(axis=1, keepdims=True) @ V[:, part])
        x = _norm(x + _linear(np.concatenate(heads, axis=1), w, prefix + names[3]), w, prefix + names[4])
        inner = _gelu(_linear(x, w, prefix + "intermediate.dense"))
        x = _norm(x + _linear(inner, w, prefix + "output.dense"), w, prefix + "output.LayerNorm")
    pooled = {"mean": x.mean(axis=0), "cls": x[0], "max": x.max(axis=0)}[pooling]
    return pooled / np.linalg.norm(pooled)


def _linear(x, w, name):
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def _norm(x, w, name):
    centred = x - x.mean(axis=1, keepdims=True)
    return centred / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5) * w[f"{name}.weight"] + w[f"{name}.bias"]


def _gelu(x):
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def _bias(length, table):
    """MPNet's: 8 exact distances either way, then 8 that grow by logarithms up to 128."""
    out = np.zeros((length, length))
    for query in range(length):
        for key in range(length):
            far = abs(query - key)
            bucket = far if far < 8 else min(8 + int(math.log(far / 8) / math.log(128 / 8) * 8), 15)
            out[query, key] = table[bucket + (16 if key > query else 0)]
    return out
