"""Performance goals, measured as ratios against baselines in the same run: these machines are shared and noisy."""
