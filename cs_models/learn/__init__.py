"""What history teaches: thresholds, predictors, survival, money."""
