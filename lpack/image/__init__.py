"""Container images: what they consist of, where they are kept, and how they get there."""
