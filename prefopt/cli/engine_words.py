"""Words of the options about layouts and servers, without an import."""

LAYOUTS = (
    "peft: the adapter, for PEFT, vLLM and others. bfloat16, float32, mxfp4: merged into its base model. "
    "gguf, gguf-lora, gguf-base: for llama.cpp, merged, the adapter alone, and the base alone."
)
