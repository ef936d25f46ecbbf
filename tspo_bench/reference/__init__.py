"""The small encoder and MLLM that ship with the package."""
