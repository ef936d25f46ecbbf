"""tspo-bench: which frames of a long video should a multimodal LLM see?"""
