"""Make tiny random-weight models, so that a real vLLM server runs in seconds on two CPU cores.

The output text is noise; what matters is that every request takes the server's real
code path: tokenizer, chat template, sampler, tool and reasoning parsers, pooling.

Works offline: the tokenizers learn from the text of the running Python's standard library, the
weights are random and seeded. Run by the engine's Python, which has what this needs.

    python make_models.py OUT [--only NAME ...] [--seed N]

tiny-chat         Qwen2, 2 layers, hidden 128, vocabulary 4032; chat, completions, hermes tools
tiny-qwen3        Qwen3, the same shape, head_dim 32; for --reasoning-parser qwen3
tiny-bert-embed   BERT, 2 layers, hidden 64, mean pooling, 256 tokens; embeddings, dimension 64
tiny-qwen2-embed  Qwen2, same shape as tiny-chat; embeddings, dimension 128
tiny-reranker     BERT for sequence classification, 1 label, 512 tokens; rerank, score, classify
tiny-lora         rank 8 on q_proj and v_proj of tiny-chat and tiny-qwen3; for --enable-lora
tiny-vision       PaliGemma, 56 px, 16 image tokens; images; needs --load-format dummy

Tokens: 0 <|endoftext|> (padding, second end), 1 <|im_start|>, 2 <|im_end|> (end), 4000 <tool_call>,
4001 </tool_call>, 4002 <think>, 4003 </think>, 4004 <tool_response>, 4005 </tool_response>. A
`logit_bias` on such an id forces or favours it: {"2": 100} ends at once.
"""

from __future__ import annotations

import argparse
import json
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers.processors import TemplateProcessing
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    GemmaConfig,
    PaliGemmaConfig,
    PaliGemmaForConditionalGeneration,
    PaliGemmaProcessor,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    SiglipImageProcessorPil,
    SiglipVisionConfig,
)

PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
SPECIAL = [PAD, START, END]
# Ordinary added tokens, not special ones: parsers must see them in the decoded text.
MARKERS = [
    "<tool_call>",
    "</tool_call>",
    "<think>",
    "</think>",
    "<tool_response>",
    "</tool_response>",
]
BERT_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

BPE_VOCAB = 4000
WORDPIECE_VOCAB = 3000
CORPUS_CHARS = 3_000_000
FILE_CHARS = 20_000

HIDDEN = 128
LAYERS = 2
HEADS = 4
KV_HEADS = 2
HEAD_DIM = HIDDEN // HEADS
BERT_HIDDEN = 64
LORA_RANK = 8
IMAGE_TOKENS = 16

# ChatML with tools, tool results and an enable_thinking switch. As in the recordings, no
# newline follows the role.
CHAT_TEMPLATE = """\
{%- if tools %}<|im_start|>system
{% if messages[0].role == 'system' %}{{ messages[0].content }}

{% endif %}# Tools
You may call one or more functions. Signatures are within <tools></tools>:
<tools>
{% for t in tools %}{{ t | tojson }}
{% endfor %}</tools>
For each call return a json object within <tool_call></tool_call> tags.<|im_end|>
{%- elif messages[0].role == 'system' %}<|im_start|>system
{{ messages[0].content }}<|im_end|>
{%- endif %}
{%- for m in messages %}{%- if not (m.role == 'system' and loop.first) %}
{{- '<|im_start|>' + (m.role if m.role != 'tool' else 'user') }}
{%- if m.role == 'tool' %}<tool_response>
{{ m.content }}
</tool_response>{% else %}{{ m.content if m.content is not none else '' }}{% endif %}
{%- if m.tool_calls %}{% for c in m.tool_calls %}<tool_call>
{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}
</tool_call>{% endfor %}{% endif %}<|im_end|>
{%- endif %}{%- endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% if enable_thinking is defined and enable_thinking is false %}<think>

</think>

{% endif %}{%- endif %}"""

VISION_TEMPLATE = (
    "{%- for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}"
    "{% for p in m.content %}{% if p.type == 'text' %}{{ p.text }}{% endif %}{% endfor %}"
    "{% endif %}\n{% endfor %}"
)


def corpus() -> Iterator[str]:
    """Text of the standard library's files, in a fixed order, about CORPUS_CHARS characters."""
    root = Path(sysconfig.get_paths()["stdlib"])
    left = CORPUS_CHARS
    for path in sorted(root.rglob("*")):
        if (
            path.suffix not in {".py", ".txt", ".rst"}
            or "site-packages" in path.parts
            or not path.is_file()
        ):
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")[: min(FILE_CHARS, left)]
        yield text
        left -= len(text)
        if left <= 0:
            return


def padded(size: int) -> int:
    """Vocabulary size rounded up to a multiple of 64, as real checkpoints have it."""
    return (size + 63) // 64 * 64


def chat_tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE with ChatML specials and tool/thinking markers."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=BPE_VOCAB,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(corpus(), trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token=END, pad_token=PAD, model_max_length=32768
    )
    tokenizer.add_tokens(MARKERS)
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def bert_tokenizer() -> PreTrainedTokenizerFast:
    """Lower-casing WordPiece that adds [CLS] and [SEP], with pair support for the reranker."""
    wordpiece = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    wordpiece.normalizer = normalizers.BertNormalizer(lowercase=True)
    wordpiece.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    wordpiece.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=WORDPIECE_VOCAB, special_tokens=BERT_SPECIAL, show_progress=False
    )
    wordpiece.train_from_iterator(corpus(), trainer)
    wordpiece.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(t, BERT_SPECIAL.index(t)) for t in ("[CLS]", "[SEP]")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=wordpiece,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=512,
    )


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, target: Path) -> None:
    model.to(torch.bfloat16).save_pretrained(target)
    tokenizer.save_pretrained(target)


def decoder_options(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """Configuration shared by the Qwen2 and Qwen3 models."""
    return {
        "vocab_size": padded(len(tokenizer)),
        "hidden_size": HIDDEN,
        "intermediate_size": 2 * HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "max_position_embeddings": 8192,
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": tokenizer.convert_tokens_to_ids(END),
        "pad_token_id": tokenizer.convert_tokens_to_ids(PAD),
    }


def end_ids(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """generation_config.json entries: two end tokens, so that stop_reason can be an id."""
    end, pad = tokenizer.convert_tokens_to_ids([END, PAD])
    return {"eos_token_id": [end, pad], "pad_token_id": pad}


def silence_padding(model: PreTrainedModel, size: int) -> PreTrainedModel:
    """Zero the embedding rows past the tokenizer: their logit is 0, so they hardly ever win."""
    with torch.no_grad():
        model.get_input_embeddings().weight[size:] = 0
    return model


def make_chat(target: Path) -> None:
    tokenizer = chat_tokenizer()
    model = Qwen2ForCausalLM(Qwen2Config(**decoder_options(tokenizer)))
    save(silence_padding(model, len(tokenizer)), tokenizer, target)
    # Sampling defaults of its own, as many published models have them; vLLM applies them.
    sampling = {
        "do_sample": True,
        "temperature": 0.6,
        "top_k": 20,
        "top_p": 0.95,
        "repetition_penalty": 1.05,
    }
    write_json(target / "generation_config.json", end_ids(tokenizer) | sampling)


def make_qwen3(target: Path) -> None:
    tokenizer = chat_tokenizer()
    model = Qwen3ForCausalLM(Qwen3Config(**decoder_options(tokenizer), head_dim=HEAD_DIM))
    save(silence_padding(model, len(tokenizer)), tokenizer, target)
    write_json(target / "generation_config.json", end_ids(tokenizer))


def make_qwen2_embed(target: Path) -> None:
    tokenizer = chat_tokenizer()
    save(Qwen2ForCausalLM(Qwen2Config(**decoder_options(tokenizer))), tokenizer, target)


def bert_config(**extra: Any) -> BertConfig:
    return BertConfig(
        vocab_size=padded(WORDPIECE_VOCAB),
        hidden_size=BERT_HIDDEN,
        intermediate_size=2 * BERT_HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        max_position_embeddings=512,
        pad_token_id=0,
        **extra,
    )


def make_bert_embed(target: Path) -> None:
    """Laid out as a sentence-transformers model: transformer, mean pooling, normalisation."""
    save(BertModel(bert_config()), bert_tokenizer(), target)
    stages = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    write_json(
        target / "modules.json",
        [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(stages)
        ],
    )
    (target / "1_Pooling").mkdir(exist_ok=True)
    write_json(
        target / "1_Pooling" / "config.json",
        {"word_embedding_dimension": BERT_HIDDEN, "pooling_mode_mean_tokens": True},
    )
    write_json(target / "sentence_bert_config.json", {"max_seq_length": 256, "do_lower_case": True})


def make_reranker(target: Path) -> None:
    save(BertForSequenceClassification(bert_config(num_labels=1)), bert_tokenizer(), target)


def make_lora(target: Path) -> None:
    """A LoRA adapter in PEFT layout; fits tiny-chat and tiny-qwen3 alike."""
    target.mkdir(parents=True, exist_ok=True)
    outputs = {"q_proj": HEADS * HEAD_DIM, "v_proj": KV_HEADS * HEAD_DIM}
    tensors: dict[str, torch.Tensor] = {}
    for layer in range(LAYERS):
        for name, size in outputs.items():
            prefix = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            tensors[f"{prefix}.lora_A.weight"] = torch.randn(LORA_RANK, HIDDEN) * 0.1
            tensors[f"{prefix}.lora_B.weight"] = torch.randn(size, LORA_RANK) * 0.1
    save_file(tensors, target / "adapter_model.safetensors")
    write_json(
        target / "adapter_config.json",
        {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "r": LORA_RANK,
            "lora_alpha": 16,
            "lora_dropout": 0.0,
            "bias": "none",
            "base_model_name_or_path": "tiny-chat",
            "target_modules": list(outputs),
            "inference_mode": True,
        },
    )


def vision_config(tokenizer: PreTrainedTokenizerFast) -> PaliGemmaConfig:
    vocabulary = padded(len(tokenizer))
    vision = SiglipVisionConfig(
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        image_size=56,
        patch_size=14,
        projection_dim=HIDDEN,
        vision_use_head=False,
    )
    text = GemmaConfig(
        vocab_size=vocabulary,
        hidden_size=HIDDEN,
        intermediate_size=2 * HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=1,
        head_dim=HEAD_DIM,
        max_position_embeddings=8192,
        eos_token_id=tokenizer.convert_tokens_to_ids(END),
        pad_token_id=tokenizer.convert_tokens_to_ids(PAD),
        bos_token_id=tokenizer.convert_tokens_to_ids(START),
        num_image_tokens=IMAGE_TOKENS,
    )
    return PaliGemmaConfig(
        vision_config=vision.to_dict(),
        text_config=text.to_dict(),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        projection_dim=HIDDEN,
        hidden_size=HIDDEN,
        vocab_size=vocabulary,
    )


def make_vision(target: Path) -> None:
    """PaliGemma, one of the few vision models that vLLM imports without torchvision."""
    tokenizer = chat_tokenizer()
    tokenizer.bos_token = START
    tokenizer.chat_template = None
    images = SiglipImageProcessorPil(size={"height": 56, "width": 56})
    images.image_seq_length = IMAGE_TOKENS
    processor = PaliGemmaProcessor(
        image_processor=images, tokenizer=tokenizer, chat_template=VISION_TEMPLATE
    )
    tokenizer = processor.tokenizer
    tokenizer.add_tokens(["\n"])  # vLLM looks the newline up as a token of its own
    config = vision_config(tokenizer)
    PaliGemmaForConditionalGeneration(config).to(torch.bfloat16).save_pretrained(target)
    processor.save_pretrained(target)
    write_json(target / "generation_config.json", end_ids(tokenizer))


MAKERS: dict[str, Callable[[Path], None]] = {
    "tiny-chat": make_chat,
    "tiny-qwen3": make_qwen3,
    "tiny-bert-embed": make_bert_embed,
    "tiny-qwen2-embed": make_qwen2_embed,
    "tiny-reranker": make_reranker,
    "tiny-lora": make_lora,
    "tiny-vision": make_vision,
}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description="Make tiny random-weight models for a local vLLM server."
    )
    parser.add_argument("out", type=Path, help="folder that receives one sub-folder per model")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=list(MAKERS),
        default=list(MAKERS),
        metavar="NAME",
        help="models to make (default: all): " + ", ".join(MAKERS),
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the random weights (default: 0)"
    )
    options = parser.parse_args(argv)
    for name in options.only:
        torch.manual_seed(options.seed)  # per model, so that --only does not change the weights
        target = options.out / name
        MAKERS[name](target)
        size = sum(f.stat().st_size for f in target.rglob("*") if f.is_file())
        print(f"{name}: {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
