"""Archives: what writes a Tree to a file, and reads one back."""
