"""The built-in task: a world of pictograms, rendered to mp4 from a seed."""
