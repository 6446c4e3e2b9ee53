"""Learn from a company's own renewals which adoption separates customers who stay."""
