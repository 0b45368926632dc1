"""In the shape of vLLM's table of architectures, from which the launcher reads their names."""

_TEXT_GENERATION_MODELS = {"LlamaForCausalLM": ("llama", "LlamaForCausalLM")}
_PREVIOUSLY_SUPPORTED_MODELS: dict[str, str] = {}
