"""Which requests of a trace are alike, and how do they differ, in parallel or one after another?"""
