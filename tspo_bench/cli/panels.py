"""The panels that `--help` groups options in."""

DATA = "Data"
SAMPLERS = "Samplers"
MODEL = "Model"
PROTOCOL = "Protocol"
RUN = "Run"
OUTPUT = "Output"
