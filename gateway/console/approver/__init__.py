"""What does an asset owner do on a page? Decides about what others propose, as the data protection officer advises."""
