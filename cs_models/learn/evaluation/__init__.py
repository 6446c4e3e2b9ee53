"""What says how good a statement was; knows no model."""
