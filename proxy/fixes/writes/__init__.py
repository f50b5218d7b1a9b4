"""Which one write replaces the writes of a loop?"""
