"""Reports as text: Markdown, CSV, LaTeX and JSON."""
