"""Reference pages made from the declarations, and the documentation site they are part of."""
