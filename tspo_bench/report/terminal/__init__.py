"""What the terminal shows of runs and selections."""
