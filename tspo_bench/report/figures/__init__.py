"""What is drawn: as plain values, and by matplotlib."""
