"""Statistics of measures: ratios of sums, durations, order, with the account as the unit."""
