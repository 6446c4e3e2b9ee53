"""What is known of every account and every user on every day, as stretches without a change."""
