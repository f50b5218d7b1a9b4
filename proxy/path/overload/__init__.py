"""When is a call not tried, since upstream has more than it can handle or cannot be reached?"""
