"""What all kinds of fault share: the contract, the side band, how delivery is judged."""
