"""The temporal agent: its networks, the policy that draws frames from scores, its checkpoints."""
