"""What stands behind ``churn``: columns, models, calibration, doubt and reasons."""
