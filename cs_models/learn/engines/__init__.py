"""How a rule is tested: shuffled histories, random signs, one p for everything tried."""
