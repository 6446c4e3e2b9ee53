"""The door: opening a source, converting it to the contract's types, checking every row."""
