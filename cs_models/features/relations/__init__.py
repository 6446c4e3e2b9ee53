"""What passed between a customer and us up to a decision date, concept by concept."""
