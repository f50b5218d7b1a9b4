"""Where do the values of a filter come from, and what became of the rows of an answer?"""
