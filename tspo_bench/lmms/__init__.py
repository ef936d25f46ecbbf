"""lmms-eval both ways: tspo-bench as one of its models, its tasks as some of ours."""
