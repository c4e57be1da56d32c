"""The runtime families: each room locks the dependencies of a function, and makes its Tree."""
