"""How jobs compose: the named flows of Dhanman, a file a flow. The jobs themselves are in `actors`."""
