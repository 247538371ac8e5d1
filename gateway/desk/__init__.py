"""What does an operator look up, and how is it told? For the command line and the control API alike."""
