"""What an adapter does after its promotion: error among accepted answers, shares of labels, comparison with another adapter."""
