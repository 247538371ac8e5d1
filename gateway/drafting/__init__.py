"""Which dataset could an existing source be? Guesses alone, each for a person to confirm; never a value of the source."""
